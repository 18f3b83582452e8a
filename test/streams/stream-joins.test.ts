import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import type { KStream } from '../../src/streams/dsl/kstream.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { type TestDriver, testDriver } from '../../src/testing/test-driver.ts'

type Kind = 'join' | 'leftJoin' | 'outerJoin'

const text = { key: string, value: string }
const left = topic('left', text)
const right = topic('right', text)
const output = topic('out', text)
const joiner = (a: string | null, b: string | null): string => `${a}+${b}`

function joined(kind: Kind, [beforeMs, afterMs, graceMs]: [number, number, number]): TestDriver {
  const builder = new StreamsBuilder()
  const [stream, other] = [builder.stream(left), builder.stream(right)]
  const options = { within: { beforeMs, afterMs, graceMs }, value: string }
  if (kind === 'join') stream.join(other, joiner, options).to(output)
  else if (kind === 'leftJoin') stream.leftJoin(other, joiner, options).to(output)
  else stream.outerJoin(other, joiner, options).to(output)
  return testDriver(builder)
}

/** `l a 10 x`: side, key (- for none), timestamp, value (- for none); returns what went out. */
function send(driver: TestDriver, record: string): string[] {
  const [side, key, timestamp, value] = record.split(' ') as [string, string, string, string]
  driver.send(side === 'l' ? left : right, {
    key: key === '-' ? null : key,
    value: value === '-' ? null : value,
    timestamp: Number(timestamp),
  })
  return driver.read(output).map(out => `${out.key} ${out.timestamp} ${out.value}`)
}

function check(driver: TestDriver, steps: Record<string, string[]>): void {
  for (const [record, expected] of Object.entries(steps))
    assert.deepEqual(send(driver, record), expected, record)
}

test('the right record lies at most beforeMs before and afterMs after the left one, ends included', () => {
  check(joined('join', [5, 10, 100]), {
    'l a 100 L': [],
    'r a 94 early': [],
    'r a 95 first': ['a 100 L+first'],
    'r a 110 last': ['a 110 L+last'],
    'r a 111 late': [],
    'r b 100 other': [],
    'l a 105 M': ['a 110 M+last', 'a 111 M+late'],
  })
})

test('an interval may lie wholly after the left record, however far', () => {
  check(joined('join', [-10, 20, 0]), {
    'l a 100 L': [],
    'r a 105 soon': [],
    'r a 110 first': ['a 110 L+first'],
    'r a 120 last': ['a 120 L+last'],
    'r a 121 late': [],
  })
})

test('the ends of a window belong to it where one is the record itself', () => {
  check(joined('join', [10, 0, 0]), {
    'r a 90 R': [],
    'r a 100 S': [],
    'l a 100 L': ['a 100 L+R', 'a 100 L+S'],
  })
})

test('records of one key and time are all kept, in their order', () => {
  check(joined('join', [0, 0, 0]), {
    'l a 7 1': [],
    'l a 7 2': [],
    'l a 7 3': [],
    'r a 7 x': ['a 7 1+x', 'a 7 2+x', 'a 7 3+x'],
  })
})

test('without key or value there is nothing to join', () => {
  const driver = joined('join', [5, 5, 0])
  check(driver, { 'l - 1 L': [], 'l a 2 -': [], 'r a 3 R': [] })
  assert.deepEqual(
    driver.dropped().map(({ reason, count }) => [reason, count]),
    [
      ['null-key', 1],
      ['null-value', 1],
    ],
  )
})

test('a record that found no partner goes out when its window and the grace are over, and never before', () => {
  // Kafka Streams sends 20 out at once, since its window is behind stream time, and then joins it all the same.
  check(joined('leftJoin', [10, 10, 100]), {
    'l k 50 now': [],
    'l k 20 late': [],
    'r k 25 match': ['k 25 late+match'],
    'l k 21 alone': ['k 25 alone+match'],
    'l z 30 alone': [],
    'l k 140 on': [],
    'l z 160 on': [],
    'l z 161 on': ['z 30 alone+null', 'k 50 now+null'],
  })
})

test('a record that comes after its own window and the grace are over goes out alone at once', () => {
  check(joined('leftJoin', [10, 10, 5]), {
    'l k 100 now': [],
    'l k 84 late': ['k 84 late+null'],
    'l k 85 in time': [],
    'r k 60 late': [],
  })
})

test('only an outer join sends the right records out alone', () => {
  const steps = { 'r a 10 R': [], 'l b 10 L': [] }
  const leftJoin = joined('leftJoin', [5, 5, 0])
  check(leftJoin, { ...steps, 'l z 30 on': ['b 10 L+null'] })
  const outerJoin = joined('outerJoin', [5, 5, 0])
  check(outerJoin, { ...steps, 'l z 30 on': ['a 10 null+R', 'b 10 L+null'] })
})

test('several records of one place all go out alone, in their order', () => {
  check(joined('outerJoin', [0, 0, 0]), {
    'l a 1 1': [],
    'l a 1 2': [],
    'r b 1 3': [],
    'r b 1 4': [],
    'l z 9 on': ['b 1 null+3', 'b 1 null+4', 'a 1 1+null', 'a 1 2+null'],
  })
})

test('a record without a key has no partner to wait for', () => {
  check(joined('leftJoin', [5, 5, 100]), { 'l - 1 L': ['null 1 L+null'], 'r - 1 R': [] })
  check(joined('outerJoin', [5, 5, 100]), { 'l - 1 L': ['null 1 L+null'], 'r - 1 R': ['null 1 null+R'] })
})

test('a stream joined with itself gives what it gives joined with its copy', () => {
  const run = (join: (stream: KStream<string, string>, copy: KStream<string, string>) => void) => {
    const builder = new StreamsBuilder()
    const stream = builder.stream(left)
    join(
      stream,
      stream.filter(() => true),
    )
    const driver = testDriver(builder)
    const out: string[] = []
    let seed = 11
    for (let i = 0; i < 300; i++) {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      out.push(...send(driver, `l ${'abc'[seed % 3]} ${i * 2 - ((seed >>> 8) % 40) + 40} v${i}`))
    }
    return { out, stores: driver.storeNames.length }
  }
  const options = { within: { beforeMs: 20, afterMs: 7, graceMs: 3 }, value: string }
  const self = run(stream => stream.join(stream, joiner, options).to(output))
  const both = run((stream, copy) => {
    stream
      .filter(() => true)
      .join(copy, joiner, options)
      .to(output)
  })
  assert.ok(self.out.length > 600)
  assert.deepEqual(self.out.toSorted(), both.out.toSorted())
  assert.ok(self.stores < both.stores, 'and keeps the records once')
  const steps = { 'l a 10 1': ['a 10 1+1'], 'l a 15 2': ['a 15 2+1', 'a 15 1+2', 'a 15 2+2'] }
  const builder = new StreamsBuilder()
  const stream = builder.stream(left)
  stream.join(stream, joiner, { within: { beforeMs: 10, afterMs: 10, graceMs: 0 }, value: string }).to(output)
  check(testDriver(builder), steps)
})

test('records that can have no partner any more are removed', () => {
  const driver = joined('outerJoin', [5, 5, 10])
  for (let i = 0; i < 5_000; i++) {
    send(driver, `l ${i % 7} ${i * 3} L`)
    send(driver, `r ${i % 5} ${i * 3} R`)
  }
  const rows = Object.fromEntries(driver.storeNames.map(name => [name, driver.rows(name).length]))
  for (const [name, count] of Object.entries(rows)) assert.ok(count < 200, `${name} has ${count} rows`)
})

test('a stream whose key was changed is repartitioned before it is joined', () => {
  const builder = new StreamsBuilder()
  const options = { within: { beforeMs: 5, afterMs: 5, graceMs: 0 }, value: string, name: 'pairs' }
  builder
    .stream(left)
    .selectKey(value => value)
    .join(builder.stream(right), joiner, options)
    .to(output)
  const topology = builder.build('app')
  assert.deepEqual(
    topology.subTopologies.flatMap(part => part.repartitionSources.map(source => source.name)),
    ['app-pairs-left-repartition'],
  )
  assert.deepEqual(topology.subTopologies.map(part => part.coPartitionGroups).flat(), [
    ['app-pairs-left-repartition', 'right'],
  ])
  check(testDriver(builder), { 'l a 1 k': [], 'r k 2 x': ['k 2 k+x'] })
})

test('windows that fit no record are refused with words that say what to do', () => {
  for (const within of [
    undefined,
    { beforeMs: 5, afterMs: -6, graceMs: 0 },
    { beforeMs: 5, afterMs: 5, graceMs: -1 },
    { beforeMs: 5, afterMs: 5, graceMs: undefined },
    { beforeMs: 0.5, afterMs: 5, graceMs: 0 },
  ]) {
    const builder = new StreamsBuilder()
    assert.throws(
      () =>
        builder.stream(left).join(builder.stream(right), joiner, { within: within as never, name: 'pairs' }),
      { code: 'INVALID_TOPOLOGY', message: /"pairs" needs \{ within: .* graceMs >= 0/ },
    )
  }
})
