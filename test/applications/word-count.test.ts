import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, StreamsBuilder, string, topic } from '../../src/index.ts'
import { recordOf, type TestDriver, testDriver } from '../../src/testing/index.ts'
import { readPairs, sendAll } from './pairs.ts'

const lines = topic('plaintext-input', { key: string, value: string })
const counts = topic('wordcount-output', { key: string, value: int64 })

function wordCount(): TestDriver {
  const builder = new StreamsBuilder()
  builder
    .stream(lines)
    .flatMap(line => line.toLowerCase().split(/[^\p{L}\p{N}_]+/u), { value: string })
    .groupBy(word => word)
    .count({ store: 'word-count' })
    .toStream()
    .to(counts)
  return testDriver(builder)
}

test('one word is counted with one record', () => {
  wordCount()
    .given([])
    .when(recordOf(lines, { key: null, value: 'Hello', timestamp: 1 }))
    .then([recordOf(counts, { key: 'hello', value: 1, timestamp: 1 })])
})

test('words of every script are counted', () => {
  const driver = wordCount()
  sendAll(driver, lines, [
    [null, 'Hello Kafka Streams'],
    [null, 'All streams lead to Kafka'],
    [null, 'Join Kafka Summit'],
    [null, 'И теперь пошли русские слова'],
  ])
  assert.deepEqual(
    new Map(readPairs(driver, counts)),
    new Map([
      ['hello', 1],
      ['all', 1],
      ['streams', 2],
      ['lead', 1],
      ['to', 1],
      ['join', 1],
      ['kafka', 3],
      ['summit', 1],
      ['и', 1],
      ['теперь', 1],
      ['пошли', 1],
      ['русские', 1],
      ['слова', 1],
    ]),
  )
})

test('the counts of the interactive queries are in the store', () => {
  const driver = wordCount()
  sendAll(
    driver,
    lines,
    ['hello', 'world', 'world', 'hello world', 'all streams lead to kafka', 'streams', 'kafka streams'].map(
      line => [null, line],
    ),
  )
  assert.deepEqual(
    driver.rows('word-count').map(({ key, value }) => [key, value]),
    [
      ['all', 1],
      ['hello', 2],
      ['kafka', 2],
      ['lead', 1],
      ['streams', 3],
      ['to', 1],
      ['world', 3],
    ],
  )
})
