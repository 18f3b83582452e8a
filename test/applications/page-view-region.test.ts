import { test } from 'node:test'
import { z } from 'zod'
import { hopping, int64, json, StreamsBuilder, string, topic } from '../../src/index.ts'
import { recordOf, type TestDriver, testDriver } from '../../src/testing/index.ts'

const MINUTE_MS = 60_000

const View = z.object({ user: z.string(), page: z.string(), industry: z.string(), flags: z.string() })
const Profile = z.object({ experience: z.string(), region: z.string() })

const views = topic('page-views', { key: string, value: json(View) })
const profiles = topic('user-profiles', { key: string, value: json(Profile) })
const counts = topic('page-views-by-region', { key: string, value: int64 })

function viewsByRegion(): TestDriver {
  const builder = new StreamsBuilder()
  const byUser = builder.table(profiles)
  builder
    .stream(views)
    .selectKey(({ user }) => user)
    .leftJoin(byUser, (_view, profile) => profile?.region ?? 'UNKNOWN', { value: string })
    .groupBy(region => region)
    .windowedBy(hopping({ sizeMs: 5 * MINUTE_MS, advanceMs: MINUTE_MS, graceMs: 0 }))
    .count({ store: 'views-by-region' })
    .toStream()
    .selectKey((_count, { key, start }) => `[${key}@${start}]`)
    .to(counts)
  return testDriver(builder)
}

const view = (user: string, timestamp: number) =>
  recordOf(views, {
    key: null,
    value: { user, page: 'index.html', industry: 'eng', flags: 'ARTICLE' },
    timestamp,
  })

const counted = (region: string, startMinute: number, value: number) =>
  recordOf(counts, { key: `[${region}@${startMinute * MINUTE_MS}]`, value })

test('a view is counted in each of the overlapping windows around it', () => {
  viewsByRegion()
    .given([recordOf(profiles, { key: 'erica', value: { experience: 'some', region: 'europe' } })])
    .when(view('erica', 5 * MINUTE_MS))
    .then([1, 2, 3, 4, 5].map(minute => counted('europe', minute, 1)))
    .when(view('erica', 6.5 * MINUTE_MS))
    .then([...[2, 3, 4, 5].map(minute => counted('europe', minute, 2)), counted('europe', 6, 1)])
})

test('the view of a user without a profile is counted as well', () => {
  viewsByRegion()
    .given([])
    .when(view('stranger', 5 * MINUTE_MS))
    .then([1, 2, 3, 4, 5].map(minute => counted('UNKNOWN', minute, 1)))
})
