import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { keyValueStore } from '../../src/streams/dsl/stores.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { StoreRange } from '../../src/streams/processors/byte-range.ts'
import type {
  PunctuationTime,
  RecordContext,
  ScheduleOptions,
} from '../../src/streams/processors/process-context.ts'
import { type TestDriver, testDriver } from '../../src/testing/test-driver.ts'

const input = topic('in', { key: string, value: string })
const other = topic('other', { key: string, value: string })
const output = topic('out', { key: string, value: string })
const numbers = topic('numbers', { key: string, value: int64 })

/** What was written to `out`, as `key=value@timestamp`. */
function written(driver: TestDriver): string[] {
  return driver.read(output).map(({ key, value, timestamp }) => `${key}=${value}@${timestamp}`)
}

type Step = { readonly record: number } | { readonly wall: number }

interface PunctuationCase {
  readonly name: string
  readonly intervalMs: number
  readonly time: PunctuationTime
  readonly options?: ScheduleOptions
  readonly startMs?: number
  readonly steps: readonly (readonly [Step, readonly string[]])[]
}

const record = (timestamp: number): Step => ({ record: timestamp })
const wall = (ms: number): Step => ({ wall: ms })

const punctuationCases: PunctuationCase[] = [
  {
    name: 'stream time: at the first record, then on multiples of the interval; missed ticks fire once',
    intervalMs: 10,
    time: 'stream',
    steps: [
      [record(3), ['r=3@3', 'P=3@3']],
      [record(9), ['r=9@9']],
      [record(10), ['r=10@10', 'P=10@10']],
      [record(47), ['r=47@47', 'P=47@47']],
      [record(49), ['r=49@49']],
      [record(20), ['r=20@20']],
      [record(50), ['r=50@50', 'P=50@50']],
      [wall(1_000), []],
    ],
  },
  {
    name: 'wall clock: first after one interval; missed ticks fire once, the next is on the grid',
    intervalMs: 10,
    time: 'wall',
    steps: [
      [wall(9), []],
      [wall(1), ['P=10@10']],
      [record(5), ['r=5@5']],
      [wall(35), ['P=45@45']],
      [wall(4), []],
      [wall(1), ['P=50@50']],
      [record(1_000), ['r=1000@1000']],
    ],
  },
  {
    name: 'wall clock: the grid begins when the task does',
    intervalMs: 10,
    time: 'wall',
    startMs: 1_003,
    steps: [
      [wall(9), []],
      [wall(1), ['P=1013@1013']],
      [wall(26), ['P=1039@1039']],
      [wall(4), ['P=1043@1043']],
    ],
  },
  {
    name: 'stream time with an anchor ahead waits for it',
    intervalMs: 10,
    time: 'stream',
    options: { anchorMs: 25 },
    steps: [
      [record(24), ['r=24@24']],
      [record(25), ['r=25@25', 'P=25@25']],
      [record(34), ['r=34@34']],
      [record(58), ['r=58@58', 'P=58@58']],
      [record(65), ['r=65@65', 'P=65@65']],
    ],
  },
  {
    name: 'wall clock with an anchor that has passed skips to its next tick',
    intervalMs: 10,
    time: 'wall',
    options: { anchorMs: 7 },
    startMs: 100,
    steps: [
      [wall(6), []],
      [wall(1), ['P=107@107']],
      [wall(9), []],
      [wall(1), ['P=117@117']],
    ],
  },
]

for (const { name, intervalMs, time, options, startMs, steps } of punctuationCases) {
  test(`punctuations by ${name}`, () => {
    const builder = new StreamsBuilder()
    builder
      .stream(input)
      .process({
        create: ({ forward, schedule }) => {
          schedule(intervalMs, time, now => forward('P', String(now)), options)
          return (value, key) => forward(key, value)
        },
      })
      .to(output)
    const driver = testDriver(builder, startMs === undefined ? {} : { startMs })
    for (const [step, expected] of steps) {
      if ('record' in step) {
        driver.send(input, { key: 'r', value: String(step.record), timestamp: step.record })
      } else {
        driver.advanceWallClock(step.wall)
      }
      assert.deepEqual(written(driver), expected, JSON.stringify(step))
    }
  })
}

test('a punctuation ends from outside and from inside of itself', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .process({
      create: ({ forward, schedule }) => {
        const inside = schedule(10, 'wall', now => {
          forward('inside', String(now))
          if (now >= 20) inside()
        })
        const outside = schedule(10, 'wall', now => forward('outside', String(now)))
        return () => outside()
      },
    })
    .to(output)
  const driver = testDriver(builder)
  driver.advanceWallClock(10)
  assert.deepEqual(written(driver), ['inside=10@10', 'outside=10@10'])
  driver.send(input, { key: 'k', value: 'stop' })
  driver.advanceWallClock(10)
  assert.deepEqual(written(driver), ['inside=20@20'])
  driver.advanceWallClock(100)
  assert.deepEqual(written(driver), [])
})

test('a punctuation of stream time that is asked for by a record comes right after it', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .process({
      create:
        ({ forward, schedule }) =>
        value => {
          if (value === 'go') schedule(10, 'stream', now => forward('P', String(now)))
        },
    })
    .to(output)
  const driver = testDriver(builder)
  driver.send(input, { key: 'k', value: 'wait', timestamp: 11 })
  assert.deepEqual(written(driver), [])
  driver.send(input, { key: 'k', value: 'go', timestamp: 12 })
  driver.send(input, { key: 'k', value: 'wait', timestamp: 19 })
  driver.send(input, { key: 'k', value: 'wait', timestamp: 20 })
  assert.deepEqual(written(driver), ['P=12@12', 'P=20@20'])
})

test('a record comes with its time, its headers and its place; a punctuation has no place', () => {
  const seen: (RecordContext & { at: string })[] = []
  const note = (at: string) => ({
    create:
      ({ forward }: { forward: (value: string) => void }) =>
      (value: string, _key: string, context: RecordContext) => {
        seen.push({ at, ...context })
        forward(value)
      },
  })
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .filter(() => true)
    .process({
      create: ({ forward, schedule }) => {
        schedule(100, 'wall', now => forward('P', String(now)))
        return (value, key) => forward(key, value, { timestamp: 8, headers: [{ key: 'b', value: null }] })
      },
    })
    .processValues(note('second'))
    .to(output)
  const driver = testDriver(builder)
  const headers = [{ key: 'a', value: Buffer.from('1') }]
  driver.send(input, { key: 'k', value: 'x', timestamp: 4 })
  driver.send(input, { key: 'k', value: 'v', timestamp: 5, headers })
  driver.advanceWallClock(100)
  const made = [{ key: 'b', value: null }]
  assert.deepEqual(seen, [
    { at: 'second', timestamp: 8, headers: made, source: { topic: 'in', partition: 0, offset: 0 } },
    { at: 'second', timestamp: 8, headers: made, source: { topic: 'in', partition: 0, offset: 1 } },
    { at: 'second', timestamp: 100, headers: [], source: undefined },
  ])
})

test('headers flow through operators without state to the output', () => {
  const headers = [
    { key: 'trace', value: Buffer.from('1') },
    { key: 'trace', value: null },
  ]
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .filterNot(value => value === '')
    .map(value => `${value} ${value}`, { value: string })
    .flatMap(value => value.split(' '), { value: string })
    .selectKey(value => value)
    .peek(() => {})
    .split({ all: () => true })
    .all.repartition()
    .merge(builder.stream(other))
    .processValues({
      create:
        ({ forward }) =>
        value =>
          forward(value),
    })
    .to(output)
  const driver = testDriver(builder)
  driver.send(input, { key: 'k', value: 'v', timestamp: 1, headers })
  assert.deepEqual(
    driver.read(output).map(each => each.headers),
    [headers, headers],
  )
})

test('a shared store connects processors of two streams', () => {
  const counts = keyValueStore('counts', { key: string, value: int64 })
  const builder = new StreamsBuilder()
  const count = (step: number) => ({
    stores: { counts },
    value: int64,
    create:
      ({ stores, forward }: CountTools) =>
      (_value: string, key: string) => {
        const next = (stores.counts.get(key) ?? 0) + step
        stores.counts.put(key, next)
        forward(next)
      },
  })
  builder.stream(input).processValues(count(1)).to(numbers)
  builder.stream(other).processValues(count(-1)).to(numbers)
  const topology = builder.build('app')
  assert.equal(topology.subTopologies.length, 1)
  assert.deepEqual(
    topology.subTopologies[0]?.stores.map(({ name, changelog }) => [name, changelog?.topic]),
    [['counts', 'app-counts-changelog']],
  )
  const driver = testDriver({ topology: () => topology })
  driver.send(input, { key: 'a', value: '', timestamp: 1 })
  driver.send(input, { key: 'a', value: '', timestamp: 7 })
  driver.send(other, { key: 'a', value: '', timestamp: 3 })
  assert.deepEqual(
    driver.read(numbers).map(({ value }) => value),
    [1, 2, 1],
  )
  assert.deepEqual(driver.rows('counts'), [{ key: 'a', value: 1, timestamp: 3 }])
})

interface CountTools {
  stores: { counts: { get(key: string): number | undefined; put(key: string, value: number): void } }
  forward: (value: number) => void
}

test('every task has an instance of its own', () => {
  let made = 0
  const builder = new StreamsBuilder()
  builder.stream(input).process({
    create: () => {
      made++
      return () => {}
    },
  })
  testDriver(builder)
  testDriver(builder)
  assert.equal(made, 2)
})

const rangeCases: { range: StoreRange<string>; keys: string }[] = [
  { range: {}, keys: 'a ab abc b ÿ ÿÿ' },
  { range: { reverse: true }, keys: 'ÿÿ ÿ b abc ab a' },
  { range: { from: 'ab' }, keys: 'ab abc b ÿ ÿÿ' },
  { range: { to: 'ab' }, keys: 'a ab' },
  { range: { from: 'ab', to: 'b' }, keys: 'ab abc b' },
  { range: { from: 'aa', to: 'b', reverse: true }, keys: 'b abc ab' },
  { range: { prefix: 'ab' }, keys: 'ab abc' },
  { range: { prefix: 'ab', reverse: true }, keys: 'abc ab' },
  { range: { prefix: 'ÿ' }, keys: 'ÿ ÿÿ' },
  { range: { prefix: '' }, keys: 'a ab abc b ÿ ÿÿ' },
  { range: { prefix: Buffer.from([0xff]) }, keys: '' },
  { range: { prefix: 'c' }, keys: '' },
]

for (const { range, keys } of rangeCases) {
  test(`a store gives the keys of ${JSON.stringify(range)}`, () => {
    const rows = keyValueStore('rows', { key: string, value: int64 })
    let found: string[] = []
    const builder = new StreamsBuilder()
    builder.stream(input).process({
      stores: { rows },
      create:
        ({ stores }) =>
        () => {
          for (const key of ['b', 'ÿÿ', 'abc', 'a', 'ÿ', 'ab']) stores.rows.put(key, key.length)
          found = Array.from(stores.rows.entries(range), ([key, value]) => {
            assert.equal(value, key.length)
            return key
          })
        },
    })
    testDriver(builder).send(input, { key: 'k', value: 'v' })
    assert.equal(found.join(' '), keys)
  })
}

test('a store puts, deletes and keeps what is there', () => {
  const rows = keyValueStore('rows', { key: string, value: int64 })
  const found: unknown[] = []
  const builder = new StreamsBuilder()
  builder.stream(input).process({
    stores: { rows },
    create:
      ({ stores: { rows: store } }) =>
      () => {
        found.push(store.putIfAbsent('a', 1), store.putIfAbsent('a', 2), store.getRow('a'))
        store.put('a', 3, 99)
        found.push(store.getRow('a'), store.delete('a'), store.delete('a'), store.get('a'))
        store.put('b', 4)
        store.put('b', null)
        found.push([...store.entries()])
      },
  })
  testDriver(builder).send(input, { key: 'k', value: 'v', timestamp: 5 })
  assert.deepEqual(found, [
    undefined,
    1,
    { value: 1, timestamp: 5 },
    { value: 3, timestamp: 99 },
    3,
    undefined,
    undefined,
    [],
  ])
})

test('what depends on a key after process repartitions, after processValues it does not', () => {
  const cases = [
    ['process', 2],
    ['processValues', 1],
  ] as const
  for (const [kind, parts] of cases) {
    const builder = new StreamsBuilder()
    const stream = builder.stream(input)
    const processed =
      kind === 'process'
        ? stream.process({ create: () => () => {} })
        : stream.processValues({ create: () => () => {} })
    processed.groupByKey().count()
    assert.equal(builder.build('app').subTopologies.length, parts, kind)
  }
})

test('misuse is refused with words', () => {
  const rows = () => keyValueStore('rows', { key: string, value: string })
  const build = (define: (builder: StreamsBuilder) => void) => () => {
    const builder = new StreamsBuilder()
    define(builder)
    testDriver(builder)
  }
  const scheduling = (intervalMs: number, options?: ScheduleOptions) =>
    build(builder => {
      builder.stream(input).process({
        create: ({ schedule }) => {
          schedule(intervalMs, 'wall', () => {}, options)
          return () => {}
        },
      })
    })
  assert.throws(scheduling(0), { code: 'INVALID_ARGUMENT', message: /interval of 0/ })
  assert.throws(scheduling(1.5), { code: 'INVALID_ARGUMENT', message: /interval of 1\.5/ })
  assert.throws(scheduling(5, { anchorMs: -1 }), { code: 'INVALID_ARGUMENT', message: /anchorMs of -1/ })
  assert.throws(
    build(builder => {
      builder.stream(input).process({ stores: { a: rows() }, create: () => () => {} })
      builder.stream(other).process({ stores: { a: rows() }, create: () => () => {} })
    }),
    { code: 'INVALID_TOPOLOGY', message: /"rows".*same declaration/ },
  )
  assert.throws(
    build(builder => {
      builder.table(input, { store: 'rows' })
      builder.stream(other).process({ stores: { a: rows() }, create: () => () => {} })
    }),
    { code: 'INVALID_TOPOLOGY', message: /Two stores are named "rows"/ },
  )
  assert.throws(
    build(builder => {
      builder.stream(input).process({
        stores: { rows: rows() },
        create: ({ stores }) => {
          stores.rows.put('too', 'early')
          return () => {}
        },
      })
    }),
    { code: 'INVALID_ARGUMENT', message: /outside of its callbacks/ },
  )
})

test('a forward after the callback has returned is refused', async () => {
  const late = Promise.withResolvers<unknown>()
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .process({
      create:
        ({ forward }) =>
        (value, key) => {
          queueMicrotask(() => {
            try {
              forward(key, value)
            } catch (error) {
              late.resolve(error)
            }
          })
        },
    })
    .to(output)
  const driver = testDriver(builder)
  driver.send(input, { key: 'k', value: 'v' })
  assert.match(String(await late.promise), /outside of its callbacks/)
  assert.deepEqual(written(driver), [])
})

test('a value cannot be forwarded from a punctuation of processValues', () => {
  const builder = new StreamsBuilder()
  builder.stream(input).processValues({
    create: ({ forward, schedule }) => {
      schedule(10, 'wall', () => forward('v'))
      return () => {}
    },
  })
  const driver = testDriver(builder)
  assert.throws(() => driver.advanceWallClock(10), {
    code: 'TASK_FAILED',
    message:
      /in a punctuation at 10, in node KSTREAM-PROCESSVALUES-0000000001: .*process instead of processValues/,
  })
})

test('a record that is skipped moves stream time on, and what is due by then is called', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .process({
      create: ({ forward, schedule }) => {
        schedule(10, 'stream', now => forward('P', String(now)))
        return value => {
          if (value === 'bad') throw new Error('no bad values')
        }
      },
    })
    .to(output)
  const driver = testDriver(builder, { onError: 'skip' })
  driver.send(input, { key: 'k', value: 'good', timestamp: 5 })
  driver.send(input, { key: 'k', value: 'bad', timestamp: 25 })
  driver.send(input, { key: 'k', value: 'good', timestamp: 26 })
  assert.deepEqual(
    driver.read(output).map(({ value }) => value),
    ['5', '25'],
  )
})

test('a punctuation that throws is undone alone when errors are skipped', () => {
  const rows = keyValueStore('rows', { key: string, value: string })
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .process({
      stores: { rows },
      create: ({ stores, forward, schedule }) => {
        schedule(10, 'wall', now => {
          stores.rows.put('k', 'bad')
          forward('bad', String(now))
          if (now === 10) throw new Error('not now')
        })
        return (value, key) => forward(key, value)
      },
    })
    .to(output)
  const driver = testDriver(builder, { onError: 'skip' })
  driver.advanceWallClock(10)
  assert.deepEqual([written(driver), driver.rows('rows')], [[], []])
  assert.deepEqual(driver.dropped(), [
    { task: '0_0', operator: 'KSTREAM-PROCESSOR-0000000001', reason: 'processing', count: 1 },
  ])
  driver.send(input, { key: 'k', value: 'v', timestamp: 3 })
  driver.advanceWallClock(10)
  assert.deepEqual(written(driver), ['k=v@3', 'bad=20@20'])
})
