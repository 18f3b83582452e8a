import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { int64, json, StreamsBuilder, string, topic } from '../../src/index.ts'
import { testDriver } from '../../src/testing/index.ts'
import { readPairs, sendAll } from './pairs.ts'

const RegionWithClicks = z.object({ region: z.string(), clicks: z.number() })

const regions = topic('user-regions', { key: string, value: string })
const clicks = topic('user-clicks', { key: string, value: int64 })
const clicksPerRegion = topic('clicks-per-region', { key: string, value: int64 })

test('clicks are summed up by the region that their user had at the click', () => {
  const builder = new StreamsBuilder()
  const joined = { value: json(RegionWithClicks) }
  builder
    .stream(clicks)
    .leftJoin(builder.table(regions), (clicks, region) => ({ region: region ?? 'UNKNOWN', clicks }), joined)
    .selectKey(({ region }) => region)
    .map(({ clicks }) => clicks, { value: int64 })
    .groupByKey()
    .reduce((sum, clicks) => sum + clicks)
    .toStream()
    .to(clicksPerRegion)
  const driver = testDriver(builder)
  sendAll(driver, regions, [
    ['alice', 'asia'],
    ['bob', 'americas'],
    ['chao', 'asia'],
    ['dave', 'europe'],
    ['alice', 'europe'],
    ['eve', 'americas'],
    ['fang', 'asia'],
  ])
  sendAll(driver, clicks, [
    ['alice', 13],
    ['bob', 4],
    ['chao', 25],
    ['bob', 19],
    ['dave', 56],
    ['eve', 78],
    ['alice', 40],
    ['fang', 99],
  ])
  assert.deepEqual(
    new Map(readPairs(driver, clicksPerRegion)),
    new Map([
      ['americas', 101],
      ['europe', 109],
      ['asia', 124],
    ]),
  )
})
