import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { z } from 'zod'
import { int64, string } from '../contracts/codecs.ts'
import { json } from '../contracts/json.ts'
import { topic } from '../contracts/topic.ts'
import { StreamsBuilder } from '../streams/dsl/streams-builder.ts'
import { batchDriver } from './batch-driver.ts'
import { recordBatches } from './record-batches.ts'
import { testDriver } from './test-driver.ts'

const words = topic('words', { key: string, value: string })
const lengths = topic('lengths', { key: string, value: int64 })

/** 25 records of 5 keys. */
const records = Array.from({ length: 25 }, (_, index) => ({
  key: `k${index % 5}`,
  value: 'x'.repeat(index),
  timestamp: index,
}))

function counting(): StreamsBuilder {
  const builder = new StreamsBuilder()
  builder
    .stream(words)
    .groupByKey()
    .count({ store: 'counts' })
    .toStream()
    .to(topic('counted', { key: string, value: int64 }))
  return builder
}

const expectedCounts = ['k0', 'k1', 'k2', 'k3', 'k4'].map((key, index) => ({
  key,
  value: 5,
  timestamp: 20 + index,
}))

for (const place of ['memory', 'LMDB'] as const) {
  test(`records are counted and the store changes once per commit in the changelog, in ${place}`, async t => {
    const options = place === 'memory' ? {} : { stateDir: newDirectory(t) }
    await using driver = batchDriver(counting(), { ...options, commitEvery: 10 })
    driver.feed(words, recordBatches(words, records, { batchSize: 4 }))
    assert.equal(driver.run(), 25)
    assert.deepEqual([...driver.rows('counts')], expectedCounts)
    // 5 keys, 3 commits.
    assert.deepEqual(
      driver.written,
      new Map([
        ['counted', 25],
        ['test-counts-changelog', 15],
      ]),
    )
  })
}

test('state in a directory is there for the next driver', async t => {
  const stateDir = newDirectory(t)
  for (const value of [5, 10]) {
    await using driver = batchDriver(counting(), { stateDir })
    driver.feed(words, recordBatches(words, records))
    driver.run()
    assert.deepEqual(
      [...driver.rows('counts')].map(row => row.value),
      [value, value, value, value, value],
    )
  }
})

test('a topology over several tasks ends with the rows that the test driver gives it, whatever the batches', async () => {
  const people = topic('people', { key: string, value: json(z.object({ city: z.string() })) })
  const cities = topic('cities', { key: string, value: string })
  const build = () => {
    const builder = new StreamsBuilder()
    builder.table(people).joinByForeignKey(
      builder.table(cities),
      person => person.city,
      (person, city) => `${person.city} ${city}`,
      {
        store: 'addresses',
        value: string,
      },
    )
    return builder
  }
  const moves = Array.from({ length: 60 }, (_, index) => ({
    key: `p${index % 7}`,
    value: { city: `c${(index * 5) % 4}` },
    timestamp: 2 * index,
  }))
  const renames = Array.from({ length: 40 }, (_, index) => ({
    key: `c${index % 4}`,
    value: `name ${index}`,
    timestamp: 3 * index + 1,
  }))
  const reference = testDriver(build())
  for (const record of moves) reference.send(people, record)
  for (const record of renames) reference.send(cities, record)
  const expected = reference.rows('addresses').map(({ key, value }) => ({ key, value }))
  assert.equal(expected.length, 7)
  for (const batchSize of [1, 3, 1_000]) {
    for (const commitEvery of [1, 7, 10_000]) {
      await using driver = batchDriver(build(), { commitEvery })
      driver.feed(people, recordBatches(people, moves, { batchSize }))
      driver.feed(cities, recordBatches(cities, renames, { batchSize }))
      driver.run()
      const rows = Array.from(driver.rows('addresses'), ({ key, value }) => ({ key, value }))
      assert.deepEqual(rows, expected)
    }
  }
})

test('records of several inputs are taken by timestamp, however they were fed', async () => {
  const build = () => {
    const builder = new StreamsBuilder()
    const table = builder.table(lengths)
    builder
      .stream(words)
      .join(table, (_, length) => length, { value: int64 })
      .groupByKey()
      .aggregate(
        () => [],
        (seen, length) => [...seen, length],
        { store: 'seen', value: json(z.array(z.number())) },
      )
    return builder
  }
  const rows = Array.from({ length: 30 }, (_, index) => ({ key: 'k', value: index, timestamp: 10 * index }))
  const asks = Array.from({ length: 10 }, (_, index) => ({ key: 'k', value: '', timestamp: 30 * index + 5 }))
  for (const batchSize of [1, 7, 1_000]) {
    await using driver = batchDriver(build())
    driver.feed(words, recordBatches(words, asks, { batchSize }))
    driver.feed(lengths, recordBatches(lengths, rows, { batchSize: 11 }))
    assert.equal(driver.run(), 40)
    assert.deepEqual([...driver.rows('seen')][0]?.value, [0, 3, 6, 9, 12, 15, 18, 21, 24, 27])
  }
})

test('what it cannot do is named', () => {
  assert.throws(() => batchDriver(counting(), { commitEvery: 0 }), { code: 'INVALID_ARGUMENT' })
  const driver = batchDriver(counting())
  assert.throws(() => driver.feed(lengths, []), /does not read the topic "lengths". It reads words\./)
  assert.throws(() => [...driver.rows('x')], /has no store "x". It has counts\./)
  const calling = new StreamsBuilder()
  calling
    .stream(words)
    .mapAsync(async word => word)
    .to(topic('out', { key: string, value: string }))
  assert.throws(() => batchDriver(calling).run(), /asynchronous functions, which the batch driver does not/)
})

function newDirectory(t: { after(done: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'evert-batch-driver-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
