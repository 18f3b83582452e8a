import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { type TestDriver, testDriver, type TestDriverOptions } from '../../src/testing/test-driver.ts'
import { sessions, tumbling, unlimited } from '../../src/streams/processors/windows.ts'
import type { KTable } from '../../src/streams/dsl/ktable.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { SuppressOptions, TimeLimitOptions } from '../../src/streams/dsl/suppress.ts'

const input = topic('in', { key: string, value: string })
const output = topic('out', { key: string, value: string })

function limited(timeLimitMs: number, options: TimeLimitOptions, driver: TestDriverOptions = {}): TestDriver {
  const builder = new StreamsBuilder()
  builder.table(input).suppressUntilTimeLimit(timeLimitMs, options).toStream().to(output)
  return testDriver(builder, driver)
}

function send(driver: TestDriver, key: string, value: string | null, timestamp: number): string[] {
  driver.send(input, { key, value, timestamp, headers: [{ key: 'h', value: Buffer.from(`${timestamp}`) }] })
  return driver.read(output).map(record => `${record.key}=${record.value}@${record.timestamp}`)
}

test('a full buffer lets those go that have waited longest', () => {
  const driver = limited(1_000, { maxRecords: 2 })
  assert.deepEqual(send(driver, 'b', '1', 10), [])
  assert.deepEqual(send(driver, 'a', '2', 10), [])
  assert.deepEqual(send(driver, 'b', '3', 20), [], 'a row that replaces another takes no room')
  assert.deepEqual(send(driver, 'c', '4', 5), ['c=4@5'], 'even the one that has just come')
  assert.deepEqual(send(driver, 'd', '5', 30), ['a=2@10'], 'of the same time the lower key')
  assert.deepEqual(send(driver, 'e', null, 40), ['b=3@20'])
  assert.deepEqual(send(driver, 'z', '6', 1_030), ['d=5@30'])
})

test('a limit of bytes counts keys and values', () => {
  const driver = limited(1_000, { maxBytes: 60 })
  assert.deepEqual(send(driver, 'a', 'x'.repeat(5), 1), [])
  assert.deepEqual(send(driver, 'a', 'x'.repeat(20), 2), [], 'what it replaced no longer counts')
  assert.deepEqual(send(driver, 'a', 'x', 3), [])
  assert.deepEqual(send(driver, 'b', 'y', 4), [])
  assert.deepEqual(send(driver, 'c', 'z'.repeat(30), 5), ['a=x@3', 'b=y@4'])
  assert.deepEqual(send(driver, 'c', 'z'.repeat(60), 6), [`c=${'z'.repeat(60)}@6`])
})

test('a row goes out with the headers of its own record', () => {
  const driver = limited(10, {})
  send(driver, 'a', '1', 1)
  driver.send(input, { key: 'b', value: '2', timestamp: 11 })
  assert.deepEqual(driver.read(output), [
    { key: 'a', value: '1', timestamp: 1, headers: [{ key: 'h', value: Buffer.from('1') }] },
  ])
})

test('what goes out is a table of its own: an aggregate takes back what it saw, not what was replaced', () => {
  const builder = new StreamsBuilder()
  builder
    .table(input)
    .suppressUntilTimeLimit(10)
    .groupBy(() => 'all')
    .aggregate(
      () => '',
      (all, value) => `${all}+${value}`,
      (all, value) => `${all}-${value}`,
      { value: string, store: 'all' },
    )
  const driver = testDriver(builder)
  for (const [value, timestamp] of [
    ['a', 0],
    ['b', 20],
    ['c', 21],
    ['d', 31],
  ] as const) {
    driver.send(input, { key: 'k', value, timestamp })
  }
  // b came after a's time was up and opened a new wait, in which d replaced c.
  assert.deepEqual(driver.row('all', 'all')?.value, '+b-b+d')
})

test('told to stop, a full buffer stops the task, whatever the policy for records that fail', () => {
  for (const onError of ['fail', 'skip'] as const) {
    const driver = limited(1_000, { maxRecords: 1, whenFull: 'stop', name: 'calm' }, { onError })
    send(driver, 'a', '1', 1)
    assert.throws(() => send(driver, 'b', '2', 2), {
      code: 'BUFFER_FULL',
      message: /operator "calm" is full and was told to stop: it would hold 2 of 1 rows/,
    })
  }
})

test('a record that is skipped because it failed takes no room', () => {
  const builder = new StreamsBuilder()
  builder
    .table(input)
    .suppressUntilTimeLimit(1_000, { maxRecords: 2 })
    .toStream()
    .peek(value => {
      if (value === 'bad') throw new Error('no')
    })
    .to(output)
  const driver = testDriver(builder, { onError: 'skip' })
  assert.deepEqual(send(driver, 'a', 'bad', 1), [])
  assert.deepEqual(send(driver, 'b', '1', 2), [])
  // Each of these would let "bad" go, which fails: nothing of them remains.
  for (let i = 0; i < 5; i++) assert.deepEqual(send(driver, `c${i}`, '2', 3), [])
  assert.deepEqual(send(driver, 'a', 'good', 4), [])
  assert.deepEqual(send(driver, 'd', '3', 5), ['a=good@4'])
})

function closing(options: SuppressOptions): TestDriver {
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .groupByKey()
    .windowedBy(tumbling({ sizeMs: 10, graceMs: 0 }))
    .reduce((all, value) => all + value)
    .suppressUntilWindowCloses(options)
    .toStream()
    .selectKey((_value, { key, start }) => `${key}@${start}`)
    .to(output)
  return testDriver(builder)
}

test('waiting for windows to close, a buffer with a limit stops rather than let a row go early', () => {
  const cases: [SuppressOptions, RegExp][] = [
    [{ maxRecords: 2 }, /3 of 2 rows/],
    [{ maxBytes: 60 }, /of 60 bytes/],
  ]
  for (const [options, message] of cases) {
    const driver = closing(options)
    assert.deepEqual(send(driver, 'a', 'x', 1), [])
    assert.deepEqual(send(driver, 'b', 'y', 2), [])
    assert.throws(() => send(driver, 'c', 'z', 3), { code: 'BUFFER_FULL', message })
    const other = closing(options)
    send(other, 'a', 'x', 1)
    send(other, 'b', 'y', 2)
    assert.deepEqual(send(other, 'c', 'z', 10), ['a@0=x@1', 'b@0=y@2'], 'closed windows make room first')
  }
})

test('misuse is refused when the topology is written, with words that say what to do', () => {
  const grouped = () => new StreamsBuilder().stream(input).groupByKey()
  const cases: [() => unknown, RegExp][] = [
    [
      () =>
        (
          grouped().count() as unknown as KTable<{ key: string; start: 1; end: 2 }, number>
        ).suppressUntilWindowCloses(),
      /keys of its table are no windows\. Use it on an aggregate of windowedBy/,
    ],
    [
      // @ts-expect-error the editor says it too
      () => grouped().windowedBy(unlimited()).count().suppressUntilWindowCloses(),
      /unlimited windows never do\. Use windows that end, or suppressUntilTimeLimit/,
    ],
    [
      () =>
        grouped()
          .sessions(sessions({ gapMs: 5, graceMs: 0 }))
          .count()
          .suppressUntilWindowCloses({ maxRecords: -1 }),
      /maxRecords that is a whole number of 0 or more; got -1/,
    ],
    [
      () =>
        new StreamsBuilder()
          .versionedTable(input, { historyRetentionMs: 10 })
          .filter(value => value !== '')
          .suppressUntilTimeLimit(5),
      /versioned table does not allow.*Read the topic as a plain table instead/,
    ],
    [() => grouped().count().suppressUntilTimeLimit(1.5), /whole milliseconds of 0 or more; got 1\.5/],
    [
      () => grouped().count().suppressUntilTimeLimit(1, { maxBytes: Number.NaN }),
      /maxBytes that is a whole number/,
    ],
    [
      () =>
        (grouped() as unknown as { windowedBy(...args: unknown[]): unknown }).windowedBy(unlimited(), {
          emit: 'onWindowClose',
        }),
      /unlimited window never closes, so that emit: onWindowClose would never emit\. Leave it out/,
    ],
    [
      () =>
        grouped()
          .windowedBy(tumbling({ sizeMs: 10, graceMs: 5 }))
          .count({ retentionMs: 14 }),
      /for 15 ms: their retentionMs must be that or more; got 14/,
    ],
    [
      () => grouped().windowedBy(unlimited()).count({ retentionMs: 14 }),
      /kept forever; leave out retentionMs/,
    ],
  ]
  for (const [write, message] of cases) assert.throws(write, { code: 'INVALID_TOPOLOGY', message })
})

test('an unlimited window has one row per key, from its start on', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .groupByKey()
    .windowedBy(unlimited({ startMs: 100 }))
    .count({ store: 'counts' })
    .toStream()
    .selectKey((_count, { key, start, end }) => `${key}@${start}/${end}`)
    .to(topic('counts', { key: string, value: int64 }))
  const driver = testDriver(builder)
  for (const [key, timestamp] of [
    ['a', 99],
    ['a', 500],
    ['b', 100],
    ['a', 200],
    ['a', 99],
  ] as const) {
    driver.send(input, { key, value: 'x', timestamp })
  }
  assert.deepEqual(
    driver.read(topic('counts', { key: string, value: int64 })).map(({ key, value }) => `${key} ${value}`),
    ['a@100/Infinity 1', 'b@100/Infinity 1', 'a@100/Infinity 2'],
  )
  assert.deepEqual(driver.rows('counts'), [
    { key: { key: 'a', start: 100, end: Infinity }, value: 2, timestamp: 500 },
    { key: { key: 'b', start: 100, end: Infinity }, value: 1, timestamp: 100 },
  ])
})
