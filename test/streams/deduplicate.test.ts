import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { int64, string } from '../../src/contracts/codecs.ts'
import { json } from '../../src/contracts/json.ts'
import { topic } from '../../src/contracts/topic.ts'
import type { EvertError } from '../../src/errors.ts'
import type { DeduplicateOptions } from '../../src/streams/dsl/deduplicate.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { type TestDriver, testDriver } from '../../src/testing/test-driver.ts'

/** A value is its id, a dash, and something that tells it apart. */
const input = topic('in', { key: string, value: string })
const output = topic('out', { key: string, value: string })
const idOf = (value: string): string | null => value.split('-')[0] || null

function deduplicated(options: DeduplicateOptions): TestDriver {
  const builder = new StreamsBuilder()
  builder.stream(input).deduplicate(idOf, options).to(output)
  return testDriver(builder)
}

/** `key time value`; the values that passed. */
function send(driver: TestDriver, ...records: string[]): (string | null)[] {
  for (const record of records) {
    const [key, timestamp, value] = record.split(' ') as [string, string, string]
    driver.send(input, { key: key === '-' ? null : key, value, timestamp: Number(timestamp) })
  }
  return driver.read(output).map(({ value }) => value)
}

const cases: {
  name: string
  options: DeduplicateOptions
  records: string[]
  passed: string[]
  dropped?: Record<string, number>
}[] = [
  {
    name: 'the first record of an id passes, and the next one that is more than withinMs after it',
    options: { withinMs: 10 },
    records: ['k 100 a-1', 'k 100 a-2', 'k 110 a-3', 'k 111 a-4', 'k 121 a-5', 'k 122 a-6'],
    passed: ['a-1', 'a-4', 'a-6'],
    dropped: { duplicate: 3 },
  },
  {
    name: 'a dropped repeat does not prolong the time',
    options: { withinMs: 10 },
    records: ['k 100 a-1', 'k 108 a-2', 'k 112 a-3'],
    passed: ['a-1', 'a-3'],
    dropped: { duplicate: 1 },
  },
  {
    name: 'ids are compared under one key',
    options: { withinMs: 10 },
    records: ['k 1 a-1', 'l 1 a-2', 'k 1 b-3', 'l 2 a-4'],
    passed: ['a-1', 'a-2', 'b-3'],
    dropped: { duplicate: 1 },
  },
  {
    name: 'out of order, a record repeats a later one too',
    options: { withinMs: 10, graceMs: 100 },
    records: ['k 100 a-1', 'k 90 a-2', 'k 89 a-3', 'k 79 a-4', 'k 78 a-5', 'k 111 a-6', 'k 105 a-7'],
    passed: ['a-1', 'a-3', 'a-5', 'a-6'],
    dropped: { duplicate: 3 },
  },
  {
    name: 'a record that is more than graceMs behind stream time is dropped',
    options: { withinMs: 10, graceMs: 5 },
    records: ['k 100 a-1', 'k 95 b-1', 'k 94 c-1', 'm 94 a-1'],
    passed: ['a-1', 'b-1'],
    dropped: { expired: 2 },
  },
  {
    name: 'without graceMs a record may be as late as repeats can be apart',
    options: { withinMs: 10 },
    records: ['k 100 a-1', 'k 90 b-1', 'k 89 c-1'],
    passed: ['a-1', 'b-1'],
    dropped: { expired: 1 },
  },
  {
    name: 'what has no id repeats nothing; what has no key is dropped',
    options: { withinMs: 10 },
    records: ['k 1 -x', 'k 1 -x', '- 1 a-1'],
    passed: ['-x', '-x'],
    dropped: { 'null-key': 1 },
  },
  {
    name: 'across keys an id counts once',
    options: { withinMs: 10, acrossKeys: true },
    records: ['k 1 a-1', 'l 2 a-2', '- 3 a-3', '- 3 b-1', 'k 4 b-2'],
    passed: ['a-1', 'b-1'],
    dropped: { duplicate: 3 },
  },
]

for (const { name, options, records, passed, dropped = {} } of cases) {
  test(name, () => {
    const driver = deduplicated(options)
    assert.deepEqual(send(driver, ...records), passed)
    const reasons = driver.dropped().map(({ reason, count }) => [reason, count])
    assert.deepEqual(Object.fromEntries(reasons), dropped)
  })
}

test('a key that ends as an id begins is told apart from it', () => {
  const driver = deduplicated({ withinMs: 10 })
  assert.deepEqual(send(driver, 'k 1 ka-1', 'kk 1 a-1'), ['ka-1', 'a-1'])
})

test('state is forgotten when no record in time can repeat it', () => {
  const driver = deduplicated({ withinMs: 10, graceMs: 20, name: 'once' })
  for (let i = 0; i < 1_000; i++) send(driver, `k ${i + 5} ${i}-x`, `k ${i} ${i}-y`)
  assert.ok(driver.rows('once-store').length <= 40, `${driver.rows('once-store').length} rows`)
  send(driver, 'k 5000 end-x')
  assert.deepEqual(
    ['once-store', 'once-store-by-time'].map(store => driver.rows(store).length),
    [1, 1],
  )
})

test('records keep their keys across a topic partitioned by id', () => {
  const builder = new StreamsBuilder()
  const once = builder.stream(input).deduplicate(idOf, { withinMs: 10, acrossKeys: true, name: 'once' })
  once.groupByKey().count({ store: 'counted' })
  const driver = testDriver(builder)
  send(driver, 'k 1 a-1', 'l 1 a-2', 'l 1 b-1', 'l 2 c-1')
  const rows = driver.rows<string, number>('counted').map(({ key, value }) => [key, value])
  assert.deepEqual(rows, [
    ['k', 1],
    ['l', 2],
  ])
  const { subTopologies } = builder.build('app')
  assert.deepEqual(
    subTopologies.flatMap(part => part.repartitionSources.map(({ name }) => name)),
    ['app-once-repartition', 'app-counted-repartition'],
  )
})

test('after a change of key the stream is partitioned by its new key first', () => {
  const builder = new StreamsBuilder()
  const byId = builder.stream(input).selectKey(value => idOf(value))
  byId.deduplicate((_, key) => key, { withinMs: 10, name: 'once' }).to(output)
  const driver = testDriver(builder)
  assert.deepEqual(send(driver, 'k 1 a-1', 'l 1 a-2', 'l 1 b-1'), ['a-1', 'b-1'])
})

test('an id may be of any type that has a codec', () => {
  const payments = topic('payments', { key: string, value: json(z.object({ request: z.number() })) })
  const builder = new StreamsBuilder()
  builder
    .stream(payments)
    .deduplicate(payment => payment.request, { withinMs: 10, id: int64 })
    .to(topic('paid', { key: string, value: payments.value }))
  const driver = testDriver(builder)
  for (const request of [1, 2, 1]) driver.send(payments, { key: 'k', value: { request } })
  assert.equal(driver.read(topic('paid', { key: string, value: payments.value })).length, 2)
})

test('times that are none are refused when the topology is written', () => {
  const refused = (options: DeduplicateOptions) => () => deduplicated(options)
  const withinMs = /needs a withinMs of whole milliseconds, 0 or more; got -1/
  assert.throws(refused({ withinMs: -1, name: 'once' }), { code: 'INVALID_TOPOLOGY', message: withinMs })
  assert.throws(refused({ withinMs: 1, graceMs: 0.5 }), (error: EvertError) => /graceMs/.test(error.message))
  assert.throws(refused({} as DeduplicateOptions), { code: 'INVALID_TOPOLOGY' })
})
