import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { app, json, openCluster, string, topic, tumbling } from '../../src/index.ts'

const MINUTE_MS = 60_000

const Count = z.object({ word: z.string(), count: z.number() })
type Count = z.infer<typeof Count>

const lines = topic('text-lines', { key: string, value: string, partitions: 2 })

function wordCount() {
  const counting = app('word-count-queries')
  const none = (): Count => ({ word: '', count: 0 })
  const add = ({ count }: Count, _line: string, word: string): Count => ({ word, count: count + 1 })
  const words = counting
    .stream(lines)
    .flatMap(line => line.toLowerCase().split(/[^\p{L}\p{N}_]+/u), { value: string })
    .groupBy(word => word, { key: string, name: 'words' })
  const counts = words.aggregate(none, add, { value: json(Count) }).view('word-count', { fields: ['word'] })
  const countsByMinute = words
    .windowedBy(tumbling({ sizeMs: MINUTE_MS, graceMs: 0 }))
    .aggregate(none, add, { value: json(Count) })
    .view('windowed-word-count', { fields: ['word'] })
  return { counting, counts, countsByMinute }
}

const expected = { all: 1, hello: 2, kafka: 2, lead: 1, streams: 3, to: 1, world: 3 }

test('the counts of words are queried: one, all, a range, and those of a window', async () => {
  await using cluster = await openCluster('memory:word-count-queries')
  const { counting, counts, countsByMinute } = wordCount()
  await using running = await counting.start({
    cluster,
    store: 'memory',
    commitIntervalMs: 1,
    http: { port: 0 },
  })
  for (const line of [
    'hello',
    'world',
    'world',
    'hello world',
    'all streams lead to kafka',
    'streams',
    'kafka streams',
  ]) {
    await running.append(lines, null, line, { timestamp: MINUTE_MS })
  }
  for (const [word, count] of Object.entries(expected)) {
    await counts.waitFor(word, row => row?.count === count)
  }

  const all = await counts.find()
  assert.deepEqual(Object.fromEntries(all.rows.map(({ key, value }) => [key, value.count])), expected)
  const range = await counts.find({ word: { between: ['all', 'kafka'] } })
  assert.deepEqual(
    range.rows.map(({ value }) => value),
    [
      { word: 'all', count: 1 },
      { word: 'hello', count: 2 },
      { word: 'kafka', count: 2 },
    ],
  )
  const minute = { key: 'streams', start: MINUTE_MS, end: 2 * MINUTE_MS }
  await countsByMinute.waitFor(minute, row => row?.count === 3)
  const windows = await countsByMinute.find({ word: 'streams' })
  assert.deepEqual(windows.rows, [{ key: minute, value: { word: 'streams', count: 3 } }])

  const response = await fetch(`${running.http.url}/views/word-count/hello`)
  assert.deepEqual(await response.json(), { word: 'hello', count: 2 })
  const missing = await fetch(`${running.http.url}/views/word-count/nobody`)
  assert.equal(missing.status, 404)
})

test('a port that is taken is an error of the start', async () => {
  await using cluster = await openCluster('memory:word-count-port')
  await using first = await wordCount().counting.start({ cluster, store: 'memory', http: { port: 0 } })
  const { port } = first.http
  await assert.rejects(wordCount().counting.start({ cluster, store: 'memory', http: { port } }), {
    code: 'CONNECTION',
  })
})
