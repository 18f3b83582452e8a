import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Codec, int32, int64, keyValueStore, StreamsBuilder, string, topic } from '../../src/index.ts'
import { type TestDriver, testDriver } from '../../src/testing/index.ts'
import { readPairs, sendAll } from './pairs.ts'

const ROWS = 4

const lines = topic('lines', { key: string, value: string })
const estimates = topic('estimates', { key: string, value: int64 })

/** Counts by hash: a count-min sketch has `ROWS` rows of these, and an estimate is the least of an item's counts. */
const counters: Codec<Uint32Array> = {
  name: 'counters',
  encode: row => Buffer.from(row.buffer, row.byteOffset, row.byteLength),
  decode: bytes => new Uint32Array(new Uint8Array(bytes).buffer),
}

/** FNV-1a over the row's number and the word. */
function hash(row: number, word: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(`${row}:${word}`)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

function estimating(width: number): TestDriver {
  const sketch = keyValueStore('sketch', { key: int32, value: counters })
  const builder = new StreamsBuilder()
  builder
    .stream(lines)
    .flatMap(line => line.toLowerCase().split(/[^\p{L}\p{N}_]+/u), { value: string })
    .selectKey(word => word)
    .repartition()
    .processValues({
      stores: { sketch },
      value: int64,
      create:
        ({ stores, forward }) =>
        word => {
          let estimate = Infinity
          for (let row = 0; row < ROWS; row++) {
            const counts = Uint32Array.from(stores.sketch.get(row) ?? new Uint32Array(width))
            const place = hash(row, word) % width
            const count = (counts[place] ?? 0) + 1
            counts[place] = count
            stores.sketch.put(row, counts)
            estimate = Math.min(estimate, count)
          }
          forward(estimate)
        },
    })
    .to(estimates)
  return testDriver(builder)
}

test('the estimates of a few words are exact', () => {
  const driver = estimating(512)
  sendAll(driver, lines, [
    [null, 'Hello Kafka Streams'],
    [null, 'All streams lead to Kafka'],
    [null, 'Join Kafka Summit'],
  ])
  assert.deepEqual(
    new Map(readPairs(driver, estimates)),
    new Map([
      ['hello', 1],
      ['kafka', 3],
      ['streams', 2],
      ['all', 1],
      ['lead', 1],
      ['to', 1],
      ['join', 1],
      ['summit', 1],
    ]),
  )
})

test('the estimates of many words are never too small', () => {
  const driver = estimating(64)
  const rounds = 3
  const words = Array.from({ length: 500 }, (_, n) => `word${n}`)
  for (let round = 0; round < rounds; round++) sendAll(driver, lines, [[null, words.join(' ')]])
  const last = new Map(readPairs(driver, estimates))
  assert.equal(last.size, words.length)
  assert.ok([...last.values()].every(estimate => estimate !== null && estimate >= rounds))
  assert.ok(
    [...last.values()].some(estimate => estimate !== null && estimate > rounds),
    'so many words must meet in a row of 64 counts',
  )
})
