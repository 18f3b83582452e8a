import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import type { KTable } from '../../src/streams/dsl/ktable.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { Windowed } from '../../src/streams/processors/windowed-key.ts'
import { hopping, sessions, sliding, tumbling } from '../../src/streams/processors/windows.ts'
import { type TestDriver, testDriver } from '../../src/testing/test-driver.ts'

const input = topic('in', { key: string, value: string })
const other = topic('other', { key: string, value: string })
const output = topic('out', { key: string, value: string })

const append = (all: string, value: string) => all + value
const start = () => ''
const onClose = { emit: 'onWindowClose', closeWhenIdleMs: 60 } as const

function outOf(table: KTable<Windowed<string>, string>): void {
  table
    .toStream()
    .selectKey((_value, { key, start, end }) => `${key}@${start}-${end}`)
    .to(output)
}

function grouped(builder: StreamsBuilder) {
  return builder.stream(input).groupByKey()
}

function driverOf(define: (builder: StreamsBuilder) => void, startMs = 1_000_000): TestDriver {
  const builder = new StreamsBuilder()
  define(builder)
  return testDriver(builder, { startMs })
}

function written(driver: TestDriver): string[] {
  return driver.read(output).map(({ key, value, timestamp }) => `${key}=${value}@${timestamp}`)
}

function lateOf(driver: TestDriver): number {
  return driver
    .dropped()
    .filter(({ reason }) => reason === 'late')
    .reduce((sum, { count }) => sum + count, 0)
}

interface IdleCase {
  readonly name: string
  readonly define: (builder: StreamsBuilder) => void
  /** After records of `k` at 3 and 7: what goes out when so much wall time has passed, and nothing before. */
  readonly out: readonly (readonly [afterMs: number, outputs: readonly string[]])[]
}

const cases: readonly IdleCase[] = [
  {
    name: 'tumbling windows',
    // Closes by stream time 105, which is 98 ms after the record at 7.
    define: builder =>
      outOf(
        grouped(builder)
          .windowedBy(tumbling({ sizeMs: 100, graceMs: 5 }), onClose)
          .aggregate(start, append, { value: string }),
      ),
    out: [[98, ['k@0-100=ab@7']]],
  },
  {
    name: 'windows that would close before the operator is idle',
    define: builder =>
      outOf(
        grouped(builder)
          .windowedBy(tumbling({ sizeMs: 10, graceMs: 0 }), onClose)
          .aggregate(start, append, { value: string }),
      ),
    out: [[60, ['k@0-10=ab@7']]],
  },
  {
    name: 'hopping windows',
    define: builder =>
      outOf(
        grouped(builder)
          .windowedBy(hopping({ sizeMs: 100, advanceMs: 5, graceMs: 0 }), onClose)
          .aggregate(start, append, { value: string }),
      ),
    out: [
      [93, ['k@0-100=ab@7']],
      [98, ['k@5-105=b@7']],
    ],
  },
  {
    name: 'sliding windows',
    define: builder =>
      outOf(
        grouped(builder)
          .windowedBy(sliding({ timeDifferenceMs: 80, graceMs: 0 }), onClose)
          .aggregate(start, append, { value: string }),
      ),
    // Windows [0, 80] and [4, 84]: closed by 81 and 85.
    out: [
      [74, ['k@0-80=ab@7']],
      [78, ['k@4-84=b@7']],
    ],
  },
  {
    name: 'sessions',
    define: builder =>
      outOf(
        grouped(builder)
          .sessions(sessions({ gapMs: 70, graceMs: 20 }), onClose)
          .aggregate(start, append, { value: string, merger: append }),
      ),
    out: [[91, ['k@3-7=ab@7']]],
  },
  {
    name: 'suppress until windows close',
    define: builder =>
      outOf(
        grouped(builder)
          .windowedBy(tumbling({ sizeMs: 100, graceMs: 5 }))
          .aggregate(start, append, { value: string })
          .suppressUntilWindowCloses({ closeWhenIdleMs: 60 }),
      ),
    out: [[98, ['k@0-100=ab@7']]],
  },
  {
    name: 'suppress until a time limit',
    define: builder =>
      builder.table(input).suppressUntilTimeLimit(90, { closeWhenIdleMs: 60 }).toStream().to(output),
    // The wait began at 3.
    out: [[86, ['k=b@7']]],
  },
  {
    name: 'a left join',
    define: builder =>
      builder
        .stream(input)
        .leftJoin(builder.stream(other), (a, b) => `${a}+${b}`, {
          within: { beforeMs: 80, afterMs: 80, graceMs: 10 },
          closeWhenIdleMs: 60,
          value: string,
        })
        .to(output),
    // Their windows end at 83 and 87, with grace closed by 94 and 98.
    out: [
      [87, ['k=a+null@3']],
      [91, ['k=b+null@7']],
    ],
  },
  {
    name: 'a join with a versioned table and grace',
    define: builder =>
      builder
        .stream(input)
        .leftJoin(builder.versionedTable(other, { historyRetentionMs: 500 }), (a, b) => `${a}+${b}`, {
          graceMs: 75,
          closeWhenIdleMs: 60,
          value: string,
        })
        .to(output),
    out: [
      [71, ['k=a+null@3']],
      [75, ['k=b+null@7']],
    ],
  },
]

for (const { name, define, out } of cases) {
  test(`${name}: what is open goes out when the operator is idle, as time passes`, () => {
    const driver = driverOf(define)
    driver.send(input, { key: 'k', value: 'a', timestamp: 3 })
    driver.advanceWallClock(10)
    driver.send(input, { key: 'k', value: 'b', timestamp: 7 })
    let passed = 0
    for (const [afterMs, outputs] of out) {
      driver.advanceWallClock(afterMs - 1 - passed)
      assert.deepEqual(written(driver), [], `nothing after ${afterMs - 1} ms`)
      driver.advanceWallClock(1)
      assert.deepEqual(written(driver), outputs, `after ${afterMs} ms`)
      passed = afterMs
    }
    driver.advanceWallClock(1_000_000)
    assert.deepEqual(written(driver), [], 'once')
    // One long step gives the same.
    const jumped = driverOf(define)
    jumped.send(input, { key: 'k', value: 'a', timestamp: 3 })
    jumped.send(input, { key: 'k', value: 'b', timestamp: 7 })
    jumped.advanceWallClock(1_000_000)
    assert.deepEqual(
      written(jumped),
      out.flatMap(([, outputs]) => outputs),
    )
  })
}

test('records keep an operator awake, whatever their time; then its stream time goes on from the latest', () => {
  const driver = driverOf(cases[0]?.define ?? assert.fail())
  driver.send(input, { key: 'k', value: 'a', timestamp: 90 })
  for (let i = 0; i < 5; i++) {
    driver.advanceWallClock(59)
    driver.send(input, { key: 'k', value: 'b', timestamp: 80 })
  }
  assert.deepEqual(written(driver), [])
  driver.advanceWallClock(59)
  assert.deepEqual(written(driver), [])
  driver.advanceWallClock(1)
  assert.deepEqual(written(driver), ['k@0-100=abbbbb@90'])
})

test('a record behind an idle operator is late, one ahead of it opens a window as always', () => {
  const driver = driverOf(cases[0]?.define ?? assert.fail())
  driver.send(input, { key: 'k', value: 'a', timestamp: 50 })
  driver.advanceWallClock(60)
  assert.deepEqual(written(driver), ['k@0-100=a@50'])
  driver.send(input, { key: 'k', value: 'b', timestamp: 51 })
  driver.send(input, { key: 'other', value: 'b', timestamp: 99 })
  assert.equal(lateOf(driver), 2)
  driver.send(input, { key: 'k', value: 'c', timestamp: 101 })
  assert.deepEqual(written(driver), [])
  driver.advanceWallClock(95)
  assert.deepEqual(written(driver), ['k@100-200=c@101'])
  assert.equal(lateOf(driver), 2)
})

test('a final row of suppress is final: what its aggregate still takes then is late', () => {
  const driver = driverOf(cases[5]?.define ?? assert.fail())
  driver.send(input, { key: 'k', value: 'a', timestamp: 50 })
  driver.advanceWallClock(60)
  assert.deepEqual(written(driver), ['k@0-100=a@50'])
  driver.send(input, { key: 'k', value: 'b', timestamp: 51 })
  driver.advanceWallClock(1_000)
  assert.deepEqual(written(driver), [])
  assert.equal(lateOf(driver), 1)
})

test('both sides of an outer join keep it awake, and both go out', () => {
  const driver = driverOf(builder =>
    builder
      .stream(input)
      .outerJoin(builder.stream(other), (a, b) => `${a}+${b}`, {
        within: { beforeMs: 10, afterMs: 10, graceMs: 0 },
        closeWhenIdleMs: 60,
        value: string,
      })
      .to(output),
  )
  driver.send(input, { key: 'k', value: 'left', timestamp: 5 })
  driver.advanceWallClock(59)
  driver.send(other, { key: 'j', value: 'right', timestamp: 6 })
  driver.advanceWallClock(59)
  assert.deepEqual(written(driver), [])
  driver.advanceWallClock(1)
  assert.deepEqual(written(driver), ['k=left+null@5', 'j=null+right@6'])
  driver.send(input, { key: 'k', value: 'again', timestamp: 7 })
  driver.advanceWallClock(1_000)
  assert.deepEqual(written(driver), ['k=again+null@7'], 'late and alone: at once')
})

test('a failure while closing is undone as a whole under onError: skip, and tried again', () => {
  let isBroken = true
  const builder = new StreamsBuilder()
  grouped(builder)
    .windowedBy(tumbling({ sizeMs: 100, graceMs: 5 }), onClose)
    .aggregate(start, append, { value: string })
    .toStream()
    .selectKey((_value, { key }) => {
      if (key === 'b' && isBroken) throw new Error('broken')
      return key
    })
    .to(output)
  const driver = testDriver(builder, { onError: 'skip' })
  driver.send(input, { key: 'a', value: 'x', timestamp: 50 })
  driver.send(input, { key: 'b', value: 'y', timestamp: 50 })
  driver.advanceWallClock(60)
  assert.deepEqual(written(driver), [])
  isBroken = false
  driver.advanceWallClock(60)
  assert.deepEqual(written(driver), ['a=x@50', 'b=y@50'])
})

test('a wall clock that is set back is no idleness', () => {
  const driver = driverOf(cases[0]?.define ?? assert.fail())
  driver.send(input, { key: 'k', value: 'a', timestamp: 50 })
  driver.advanceWallClock(30)
  driver.advanceWallClock(-500)
  driver.send(input, { key: 'k', value: 'b', timestamp: 50 })
  driver.advanceWallClock(59)
  assert.deepEqual(written(driver), [])
  driver.advanceWallClock(1)
  assert.deepEqual(written(driver), ['k@0-100=ab@50'])
})

test('a record that brings an end near is not kept waiting for one that was far away', () => {
  const driver = driverOf(builder =>
    outOf(
      grouped(builder)
        .windowedBy(tumbling({ sizeMs: 10_000, graceMs: 0 }), onClose)
        .aggregate(start, append, { value: string }),
    ),
  )
  driver.send(input, { key: 'k', value: 'a', timestamp: 5 })
  driver.advanceWallClock(60)
  driver.send(input, { key: 'k', value: 'b', timestamp: 9_990 })
  driver.advanceWallClock(60)
  assert.deepEqual(written(driver), ['k@0-10000=ab@9990'])
})

test('misuse is refused with what to do instead', () => {
  const refused = (define: (builder: StreamsBuilder) => void, message: RegExp) =>
    assert.throws(() => define(new StreamsBuilder()), { code: 'INVALID_TOPOLOGY', message })
  const windows = tumbling({ sizeMs: 100, graceMs: 5 })
  refused(builder => grouped(builder).windowedBy(windows, { closeWhenIdleMs: 60 }), /emit: onWindowClose/)
  refused(
    builder => grouped(builder).windowedBy(windows, { emit: 'onWindowClose', closeWhenIdleMs: 0 }),
    /1 or more; got 0/,
  )
  refused(
    builder => builder.table(input).suppressUntilTimeLimit(5, { closeWhenIdleMs: 0.5 }),
    /closeWhenIdleMs in whole milliseconds of 1 or more; got 0.5/,
  )
  const within = { beforeMs: 1, afterMs: 1, graceMs: 0 }
  refused(
    builder => builder.stream(input).join(builder.stream(other), () => '', { within, closeWhenIdleMs: 60 }),
    /holds nothing back/,
  )
})
