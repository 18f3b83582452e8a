import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import type { KTable } from '../../src/streams/dsl/ktable.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { testDriver } from '../../src/testing/test-driver.ts'

const input = topic('in', { key: string, value: string })
const output = topic('out', { key: string, value: string })
const lengths = topic('lengths', { key: string, value: int64 })

const emitOnChange = true

/** Per record `key time value` (- for a deletion) what goes out. */
function check(define: (builder: StreamsBuilder) => void, steps: Record<string, string[]>): void {
  const builder = new StreamsBuilder()
  define(builder)
  const driver = testDriver(builder)
  for (const [record, expected] of Object.entries(steps)) {
    const [key, timestamp, value] = record.split(' ') as [string, string, string]
    driver.send(input, { key, value: value === '-' ? null : value, timestamp: Number(timestamp) })
    const out = driver
      .read(output)
      .map(({ key: k, value: v, timestamp: t }) => `${k} ${t} ${v ?? '-'}`)
      .concat(driver.read(lengths).map(({ key: k, value: v, timestamp: t }) => `${k} ${t} ${v ?? '-'}`))
    assert.deepEqual(out, expected, record)
  }
}

test('a table passes on what differs from its row, or brings an earlier timestamp', () => {
  check(builder => builder.table(input, { emitOnChange, store: 'rows' }).toStream().to(output), {
    'a 10 x': ['a 10 x'],
    'a 11 x': [],
    'a 9 x': ['a 9 x'],
    'a 12 y': ['a 12 y'],
    'a 13 -': ['a 13 -'],
    'a 14 -': [],
    'a 15 y': ['a 15 y'],
    'b 15 y': ['b 15 y'],
  })
})

test('an unchanged row keeps its timestamp; where rows expire it lives on', () => {
  const builder = new StreamsBuilder()
  builder.table(input, { emitOnChange, store: 'kept' })
  const driver = testDriver(builder)
  for (const timestamp of [10, 20]) driver.send(input, { key: 'a', value: 'x', timestamp })
  assert.equal(driver.row('kept', 'a')?.timestamp, 10)
  check(b => b.table(input, { emitOnChange, ttlMs: 10 }).toStream().to(output), {
    'a 10 x': ['a 10 x'],
    'a 19 x': [],
    'b 28 y': ['b 28 y'],
    'b 29 y': ['a 29 -'],
    'b 38 y': [],
    'b 40 z': ['b 40 z'],
  })
})

test('an aggregate passes on what changes it', () => {
  check(
    builder =>
      builder
        .stream(input)
        .groupByKey()
        .aggregate(
          () => 0,
          (longest, word) => Math.max(longest, word.length),
          { emitOnChange, value: int64 },
        )
        .toStream()
        .to(lengths),
    { 'a 1 xx': ['a 1 2'], 'a 2 y': [], 'a 3 zz': [], 'a 4 zzz': ['a 4 3'] },
  )
})

test('an aggregate of a table passes on what changes it', () => {
  check(
    builder =>
      builder
        .table(input)
        .groupBy(() => 'all')
        .count({ emitOnChange })
        .toStream()
        .to(lengths),
    { 'a 1 x': ['all 1 1'], 'a 2 y': [], 'b 3 y': ['all 3 2'], 'a 4 -': ['all 4 1'] },
  )
})

const mapped: Record<string, (table: KTable<string, string>) => KTable<string, number>> = {
  'computed from the table': table => table.map(word => word.length || null, { emitOnChange, value: int64 }),
  'in a store': table => table.map(word => word.length || null, { emitOnChange, value: int64, store: 'm' }),
  'of a filtered table': table =>
    table.filter(word => word !== 'never').map(word => word.length || null, { emitOnChange, value: int64 }),
}
for (const [name, map] of Object.entries(mapped)) {
  test(`mapped rows that do not change stay where they are: ${name}`, () => {
    check(builder => map(builder.table(input)).toStream().to(lengths), {
      'a 1 xx': ['a 1 2'],
      'a 2 yy': [],
      'a 3 yyy': ['a 3 3'],
      'a 4 -': ['a 4 -'],
      'a 5 -': [],
      'a 6 ': [],
      'a 7 x': ['a 7 1'],
      'a 8 ': ['a 8 -'],
    })
  })
}

test('the same value in other bytes of the topic is no change', () => {
  const spaced = { ...string, decode: (bytes: Buffer) => bytes.toString().trim() }
  const words = topic('words', { key: string, value: spaced })
  const builder = new StreamsBuilder()
  builder.table(words, { emitOnChange }).toStream().to(output)
  const driver = testDriver(builder)
  for (const value of ['x', 'x  ', 'y']) driver.send(words, { key: 'a', value })
  assert.equal(driver.read(output).length, 2)
})

test('a versioned table has no emit on change behind it', () => {
  const table = new StreamsBuilder().versionedTable(input, { historyRetentionMs: 10 })
  assert.throws(() => table.map(word => word.length, { emitOnChange }), {
    code: 'INVALID_TOPOLOGY',
    message: /a versioned table/,
  })
})
