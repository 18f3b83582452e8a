import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import type { KTable } from '../../src/streams/dsl/ktable.ts'
import type { RowOptions } from '../../src/streams/dsl/options.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { type TestDriver, testDriver } from '../../src/testing/test-driver.ts'

const input = topic('in', { key: string, value: string })
const output = topic('out', { key: string, value: string })
const counts = topic('counts', { key: string, value: int64 })

function driverOf(define: (builder: StreamsBuilder) => void, startMs = 0): TestDriver {
  const builder = new StreamsBuilder()
  define(builder)
  return testDriver(builder, { startMs })
}

/** `key time value`, - for a deletion. */
function send(driver: TestDriver, record: string): void {
  const [key, timestamp, value] = record.split(' ') as [string, string, string]
  driver.send(input, { key, value: value === '-' ? null : value, timestamp: Number(timestamp) })
}

function written(driver: TestDriver, to: typeof output | typeof counts = output): string[] {
  return driver
    .read(to as typeof output)
    .map(({ key, value, timestamp }) => `${key} ${timestamp} ${value ?? '-'}`)
}

function check(driver: TestDriver, to: typeof output | typeof counts, steps: Record<string, string[]>): void {
  for (const [record, expected] of Object.entries(steps)) {
    send(driver, record)
    assert.deepEqual(written(driver, to), expected, record)
  }
}

test('a row goes when stream time reaches its timestamp and the ttl, before the record that brings it there', () => {
  const driver = driverOf(builder => builder.table(input, { ttlMs: 10, store: 'rows' }).toStream().to(output))
  check(driver, output, {
    'a 100 x': ['a 100 x'],
    'b 105 y': ['b 105 y'],
    'c 109 z': ['c 109 z'],
    'c 110 z': ['a 110 -', 'c 110 z'],
    'b 113 y': ['b 113 y'],
    'a 119 x': ['a 119 x'],
    'd 122 w': ['c 120 -', 'd 122 w'],
    'd 500 v': ['b 123 -', 'a 129 -', 'd 132 -', 'd 500 v'],
  })
  assert.deepEqual(
    driver.rows('rows').map(({ key }) => key),
    ['d'],
  )
})

test('a record older than the ttl is dropped, a deletion is not', () => {
  const driver = driverOf(builder => builder.table(input, { ttlMs: 10 }).toStream().to(output))
  check(driver, output, {
    'a 100 x': ['a 100 x'],
    'b 90 y': [],
    'a 90 y': [],
    'b 91 y': ['b 91 y'],
    'a 50 -': ['a 50 -'],
    'b 101 z': ['b 101 -', 'b 101 z'],
  })
  assert.deepEqual(
    driver.dropped().map(({ reason, count }) => [reason, count]),
    [['expired', 2]],
  )
})

test('the row of a key that was deleted and came back goes by its new timestamp', () => {
  const driver = driverOf(builder => builder.table(input, { ttlMs: 10 }).toStream().to(output))
  check(driver, output, {
    'a 100 x': ['a 100 x'],
    'a 101 -': ['a 101 -'],
    'a 105 y': ['a 105 y'],
    'b 114 z': ['b 114 z'],
    'b 115 z': ['a 115 -', 'b 115 z'],
  })
})

test('a row that an older record replaced goes by the older timestamp', () => {
  const driver = driverOf(builder => builder.table(input, { ttlMs: 10 }).toStream().to(output))
  check(driver, output, {
    'a 108 x': ['a 108 x'],
    'a 100 y': ['a 100 y'],
    'b 110 z': ['a 110 -', 'b 110 z'],
  })
})

test('an aggregate begins anew after its row has gone', () => {
  const driver = driverOf(builder =>
    builder.stream(input).groupByKey().count({ ttlMs: 10 }).toStream().to(counts),
  )
  check(driver, counts, {
    'a 100 x': ['a 100 1'],
    'a 95 x': ['a 100 2'],
    'a 109 x': ['a 109 3'],
    'b 110 x': ['b 110 1'],
    'a 99 x': ['a 109 4'],
    'c 100 x': [],
    'c 101 x': ['c 101 1'],
    'a 130 x': ['c 111 -', 'a 119 -', 'b 120 -', 'a 130 1'],
  })
})

test('what follows from the table follows the deletion: joins, groups and views', () => {
  const builder = new StreamsBuilder()
  const table = builder.table(input, { ttlMs: 10 })
  const view = table.view('rows', { indexes: [] })
  table
    .groupBy(value => value)
    .count({ store: 'counted' })
    .toStream()
    .to(counts)
  const driver = testDriver(builder)
  check(driver, counts, {
    'a 100 x': ['x 100 1'],
    'b 104 x': ['x 104 2'],
    'c 110 y': ['x 110 1', 'y 110 1'],
    'c 114 y': ['x 114 0', 'y 114 1'],
  })
  assert.deepEqual(
    driver.rows(view).map(({ key }) => key),
    ['c'],
  )
})

test('by the wall clock rows go without records, and time never goes back', () => {
  const driver = driverOf(
    builder => builder.table(input, { ttlMs: 5_000, ttlTime: 'wall' }).toStream().to(output),
    100_000,
  )
  check(driver, output, { 'a 100000 x': ['a 100000 x'], 'b 102500 y': ['b 102500 y'] })
  driver.advanceWallClock(4_000)
  assert.deepEqual(written(driver), [])
  driver.advanceWallClock(1_000)
  assert.deepEqual(written(driver), ['a 105000 -'])
  driver.advanceWallClock(60_000)
  assert.deepEqual(written(driver), ['b 107500 -'])
  check(driver, output, { 'c 103000 z': [], 'c 165000 z': ['c 165000 z'] })
})

test('a store of its own logs the table; without ttl the topic does', () => {
  const changelogs = (options: RowOptions) => {
    const builder = new StreamsBuilder()
    builder.table(input, { store: 'rows', ...options })
    return builder
      .build('app')
      .subTopologies[0]?.stores.map(({ name, changelog }) => [name, changelog?.topic])
  }
  assert.deepEqual(changelogs({ ttlMs: 1 }), [
    ['rows', 'app-rows-changelog'],
    ['rows-expiry', 'app-rows-expiry-changelog'],
    ['rows-times', 'app-rows-times-changelog'],
  ])
  assert.deepEqual(changelogs({}), [['rows', 'in']])
})

test('a stream of upserts may be a table whose rows expire', () => {
  const driver = driverOf(builder => builder.stream(input).toTable({ ttlMs: 10 }).toStream().to(output))
  check(driver, output, { 'a 1 x': ['a 1 x'], 'b 11 y': ['a 11 -', 'b 11 y'] })
})

const refused: [string, RegExp, RowOptions][] = [
  ['no time', /a ttlMs of whole milliseconds, 1 or more; got 0/, { ttlMs: 0 }],
  ['half a millisecond', /got 1\.5/, { ttlMs: 1.5 }],
  ['a clock without a ttl', /comes with a ttlMs/, { ttlTime: 'wall' }],
  ['another clock', /"stream" or "wall"/, { ttlMs: 1, ttlTime: 'lunar' as 'wall' }],
]
for (const [name, message, options] of refused) {
  test(`${name} is refused when the topology is written`, () => {
    const uses: ((builder: StreamsBuilder) => KTable<string, unknown>)[] = [
      builder => builder.table(input, options) as KTable<string, unknown>,
      builder => builder.stream(input).toTable(options) as KTable<string, unknown>,
      builder => builder.stream(input).groupByKey().count(options) as KTable<string, unknown>,
    ]
    for (const use of uses) {
      assert.throws(() => use(new StreamsBuilder()), { code: 'INVALID_TOPOLOGY', message })
    }
  })
}
