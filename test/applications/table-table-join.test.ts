import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, StreamsBuilder, string, topic } from '../../src/index.ts'
import { testDriver } from '../../src/testing/index.ts'
import { readPairs, sendAll } from './pairs.ts'

const regions = topic('user-regions', { key: string, value: string })
const logins = topic('user-last-logins', { key: string, value: int64 })
const output = topic('region-logins', { key: string, value: string })

test('a row of two tables changes with either of them', () => {
  const builder = new StreamsBuilder()
  builder
    .table(regions)
    .join(builder.table(logins), (region, login) => `${region}/${login}`, {
      value: string,
      store: 'joined-store',
    })
    .toStream()
    .to(output)
  const driver = testDriver(builder)
  sendAll(driver, regions, [
    ['alice', 'asia'],
    ['bob', 'europe'],
    ['alice', 'europe'],
    ['charlie', 'europe'],
    ['bob', 'asia'],
  ])
  sendAll(driver, logins, [
    ['alice', 1_485_500_000],
    ['bob', 1_485_520_000],
    ['alice', 1_485_530_000],
    ['bob', 1_485_560_000],
  ])
  assert.deepEqual(readPairs(driver, output), [
    ['alice', 'europe/1485500000'],
    ['bob', 'asia/1485520000'],
    ['alice', 'europe/1485530000'],
    ['bob', 'asia/1485560000'],
  ])
  assert.deepEqual(
    driver.rows('joined-store').map(({ key, value }) => [key, value]),
    [
      ['alice', 'europe/1485530000'],
      ['bob', 'asia/1485560000'],
    ],
  )
})
