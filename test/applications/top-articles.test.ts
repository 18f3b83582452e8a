import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { json, StreamsBuilder, string, topic, tumbling, windowed } from '../../src/index.ts'
import { testDriver } from '../../src/testing/index.ts'
import { sendAll } from './pairs.ts'

const HOUR_MS = 3_600_000
const TOP = 100

const View = z.object({ user: z.string(), page: z.string(), industry: z.string(), flags: z.string() })
const Article = z.object({ industry: z.string(), page: z.string() })
const Counted = z.object({ page: z.string(), count: z.number() })

const industryPerHour = windowed(string, { sizeMs: HOUR_MS })
const views = topic('page-views', { key: string, value: json(View) })
const news = topic('top-news-per-industry', { key: industryPerHour, value: string })

type Count = z.infer<typeof Counted>

const descending = (a: Count, b: Count): number => b.count - a.count || (a.page < b.page ? -1 : 1)

test('the articles of each industry are ranked by their views in the hour', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(views)
    .filter(({ flags }) => flags.includes('ARTICLE'))
    .groupBy(({ industry, page }) => ({ industry, page }), { key: json(Article) })
    .windowedBy(tumbling({ sizeMs: HOUR_MS, graceMs: 0 }))
    .count()
    .groupBy(
      (count, { key: { industry, page }, ...window }) => [
        { ...window, key: industry },
        { page, count },
      ],
      {
        key: industryPerHour,
        value: json(Counted),
      },
    )
    .aggregate(
      (): readonly Count[] => [],
      (ranking, article) => [...ranking, article].toSorted(descending),
      (ranking, { page }) => ranking.filter(other => other.page !== page),
    )
    .map(
      ranking =>
        ranking
          .slice(0, TOP)
          .map(({ page }) => `${page}\n`)
          .join(''),
      { value: string },
    )
    .toStream()
    .to(news)
  const driver = testDriver(builder)
  const view = (industry: string, page: string, flags = 'ARTICLE') =>
    [null, { user: 'someone', page, industry, flags }, HOUR_MS + 1] as const
  sendAll(driver, views, [
    ...['news', 'random', 'news', 'random', 'stuff', 'news'].map(page => view('eng', page)),
    ...['index', 'help', 'about', 'index', 'about', 'index'].map(page => view('science', page)),
    view('eng', 'advertisement', 'SPONSORED'),
  ])
  const last = new Map(driver.read(news).map(({ key, value }) => [JSON.stringify(key), value]))
  const hour = { start: HOUR_MS, end: 2 * HOUR_MS }
  assert.deepEqual(
    last,
    new Map([
      [JSON.stringify({ key: 'eng', ...hour }), 'news\nrandom\nstuff\n'],
      [JSON.stringify({ key: 'science', ...hour }), 'index\nabout\nhelp\n'],
    ]),
  )
})
