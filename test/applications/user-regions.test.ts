import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, StreamsBuilder, string, topic } from '../../src/index.ts'
import { testDriver } from '../../src/testing/index.ts'
import { readPairs, sendAll } from './pairs.ts'

const regions = topic('user-regions', { key: string, value: string })
const counts = topic('users-per-region', { key: string, value: int64 })
const moves = [
  ['alice', 'asia'],
  ['bob', 'europe'],
  ['alice', 'europe'],
  ['bob', 'asia'],
] as const

test('users are counted where they are now', () => {
  const builder = new StreamsBuilder()
  builder
    .table(regions)
    .groupBy(region => region)
    .count({ store: 'users-per-region' })
    .toStream()
    .to(counts)
  const driver = testDriver(builder)
  sendAll(driver, regions, moves)
  assert.deepEqual(readPairs(driver, counts), [
    ['asia', 1],
    ['europe', 1],
    ['asia', 0],
    ['europe', 2],
    ['europe', 1],
    ['asia', 1],
  ])
  assert.deepEqual(
    driver.rows('users-per-region').map(({ key, value }) => [key, value]),
    [
      ['asia', 1],
      ['europe', 1],
    ],
  )
})

test('a region of two users is listed until one leaves', () => {
  const builder = new StreamsBuilder()
  builder
    .table(regions)
    .groupBy(region => region)
    .count()
    .filter(count => count >= 2)
    .toStream()
    .to(counts)
  const driver = testDriver(builder)
  sendAll(driver, regions, [...moves, ['alice', 'asia']])
  assert.deepEqual(readPairs(driver, counts), [
    ['europe', 2],
    ['europe', null],
    ['asia', 2],
  ])
})
