import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int32, StreamsBuilder, topic } from '../../src/index.ts'
import { testDriver } from '../../src/testing/index.ts'
import { readPairs, sendAll } from './pairs.ts'

const numbers = topic('numbers-topic', { key: int32, value: int32 })
const sums = topic('sum-of-odd-numbers-topic', { key: int32, value: int32 })

test('the odd numbers from 1 to 10 are summed up under one key', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(numbers)
    .filter(number => number % 2 !== 0)
    .selectKey(() => 1, { key: int32 })
    .groupByKey()
    .reduce((sum, number) => sum + number, { store: 'sum' })
    .toStream()
    .to(sums)
  const driver = testDriver(builder)
  sendAll(
    driver,
    numbers,
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(number => [null, number]),
  )
  assert.deepEqual(readPairs(driver, sums), [
    [1, 1],
    [1, 4],
    [1, 9],
    [1, 16],
    [1, 25],
  ])
})
