import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int32, int64, keyValueStore, StreamsBuilder, string, topic, tumbling } from '../../src/index.ts'
import { testDriver } from '../../src/testing/index.ts'
import { readPairs, sendAll } from './pairs.ts'

test('reduce: the words of a key become one line', () => {
  const words = topic('words', { key: int32, value: string })
  const lines = topic('lines', { key: int32, value: string })
  const builder = new StreamsBuilder()
  builder
    .stream(words)
    .groupByKey()
    .reduce((line, word) => `${line} ${word}`)
    .toStream()
    .to(lines)
  const driver = testDriver(builder)
  sendAll(driver, words, [
    [456, 'stream'],
    [123, 'hello'],
    [123, 'world'],
    [456, 'all'],
    [123, 'kafka'],
    [456, 'the'],
    [456, 'things'],
    [123, 'streams'],
  ])
  assert.deepEqual(
    new Map(readPairs(driver, lines)),
    new Map([
      [456, 'stream all the things'],
      [123, 'hello world kafka streams'],
    ]),
  )
})

test('aggregate: the lengths of words are summed up by first letter', () => {
  const words = topic('words', { key: string, value: string })
  const lengths = topic('lengths', { key: string, value: int64 })
  const builder = new StreamsBuilder()
  builder
    .stream(words)
    .groupBy(word => word.slice(0, 1))
    .aggregate(
      () => 0,
      (sum, word) => sum + word.length,
      { value: int64 },
    )
    .toStream()
    .to(lengths)
  const driver = testDriver(builder)
  sendAll(
    driver,
    words,
    'stream all the things hi world kafka streams streaming'.split(' ').map(word => [null, word]),
  )
  assert.deepEqual(
    new Map(readPairs(driver, lengths)),
    new Map([
      ['a', 3],
      ['t', 9],
      ['h', 2],
      ['w', 5],
      ['k', 5],
      ['s', 22],
    ]),
  )
})

test('max: the greatest number per user is in the store of keys and in that of windows', () => {
  const clicks = topic('clicks', { key: string, value: int64 })
  const builder = new StreamsBuilder()
  const byUser = builder.stream(clicks).groupByKey()
  byUser.reduce(Math.max, { store: 'max' })
  byUser
    .windowedBy(tumbling({ sizeMs: 60_000, graceMs: 0 }))
    .reduce(Math.max, { store: 'max-by-minute', retentionMs: 300_000 })
  const driver = testDriver(builder, { startMs: 60_000 })
  sendAll(driver, clicks, [
    ['alice', 13],
    ['bob', 4],
    ['chao', 25],
    ['bob', 19],
    ['chao', 56],
    ['alice', 78],
    ['alice', 40],
    ['bob', 3],
  ])
  const timestamp = 60_000
  assert.deepEqual(driver.rows('max'), [
    { key: 'alice', value: 78, timestamp },
    { key: 'bob', value: 19, timestamp },
    { key: 'chao', value: 56, timestamp },
  ])
  assert.deepEqual(driver.rows('max-by-minute'), [
    { key: { key: 'alice', start: 60_000, end: 120_000 }, value: 78, timestamp },
    { key: { key: 'bob', start: 60_000, end: 120_000 }, value: 19, timestamp },
    { key: { key: 'chao', start: 60_000, end: 120_000 }, value: 56, timestamp },
  ])
})

test('stores in the DSL: a processor with a store counts words', () => {
  const words = topic('words', { key: string, value: string })
  const counts = topic('counts', { key: string, value: int64 })
  const store = keyValueStore('word-counts', { key: string, value: int64 })
  const builder = new StreamsBuilder()
  builder
    .stream(words)
    .process({
      stores: { store },
      value: int64,
      create:
        ({ stores, forward }) =>
        word => {
          const count = (stores.store.get(word) ?? 0) + 1
          stores.store.put(word, count)
          forward(word, count)
        },
    })
    .to(counts)
  const driver = testDriver(builder)
  sendAll(
    driver,
    words,
    'foo bar foo quux bar foo'.split(' ').map(word => [null, word]),
  )
  assert.deepEqual(readPairs(driver, counts), [
    ['foo', 1],
    ['bar', 1],
    ['foo', 2],
    ['quux', 1],
    ['bar', 2],
    ['foo', 3],
  ])
})
