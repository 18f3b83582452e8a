import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { string } from '../contracts/codecs.ts'
import { topic } from '../contracts/topic.ts'
import type { MetricFamily, MetricSample } from '../internal/metric.ts'
import { tumbling } from '../streams/processors/windows.ts'
import { app } from './app.ts'
import type { Running } from './running.ts'

const clicks = topic('clicks', { key: string, value: string, partitions: 2 })

interface Parsed {
  readonly name: string
  readonly type: string
  readonly metrics: readonly { readonly value: string; readonly labels: Readonly<Record<string, string>> }[]
}

const parser = createRequire(import.meta.url)('parse-prometheus-text-format') as (text: string) => Parsed[]

function counting(id: string) {
  const counts = app(id)
  const perKey = counts
    .stream(clicks, { name: 'clicks' })
    .groupByKey()
    .windowedBy(tumbling({ sizeMs: 1_000, graceMs: 0 }))
    .count({ name: 'per-second' })
    .view('perSecond')
  return { counts, perKey }
}

function samples(running: Running, group: string, name: string): readonly MetricSample[] {
  const family = running.metrics().find(each => each.group === group && each.name === name)
  return family === undefined || family.type === 'histogram' ? [] : family.samples
}

const sumOf = (all: readonly MetricSample[]) => all.reduce((sum, { value }) => sum + value, 0)

test('what an application did is in its metrics, and what Prometheus scrapes is the same', async () => {
  const { counts, perKey } = counting('metered')
  await using running = await counts.start({ cluster: 'memory:metered', http: { port: 0 } })
  const now = Date.now()
  let last = await running.append(clicks, 'k', 'x', { timestamp: now })
  for (let i = 0; i < 20; i++) last = await running.append(clicks, 'k', 'x', { timestamp: now - i })
  // Too late, and without a value.
  last = await running.append(clicks, 'k', 'x', { timestamp: now - 60_000 })
  last = await running.append(clicks, 'k', null, { timestamp: now })
  await perKey.find({}, { minPosition: last.position })

  assert.equal(sumOf(samples(running, 'stream-task', 'process-total')), 23)
  assert.equal(sumOf(samples(running, 'stream-thread', 'process-total')), 23)
  assert.equal(sumOf(samples(running, 'stream-thread', 'task-created-total')), 2)
  assert.ok(sumOf(samples(running, 'stream-thread', 'commit-total')) > 0)
  assert.deepEqual(
    samples(running, 'stream-task', 'dropped-records-total').map(({ labels, value }) => [
      labels['reason'],
      value,
    ]),
    [
      ['late', 1],
      ['null-value', 1],
    ],
  )
  const ofClicks = samples(running, 'producer-topic', 'record-send-total').filter(
    ({ labels }) => labels['topic'] === 'clicks',
  )
  assert.deepEqual(ofClicks, [{ labels: { topic: 'clicks' }, value: 23 }])
  assert.deepEqual(
    samples(running, 'broker', 'log-end-offset-total').filter(({ labels }) => labels['topic'] === 'clicks'),
    [{ labels: { topic: 'clicks' }, value: 23 }],
  )
  assert.deepEqual(samples(running, 'stream', 'client-state'), [{ labels: { state: 'RUNNING' }, value: 1 }])
  // One record was a minute on its way.
  assert.ok(sumOf(samples(running, 'stream-task', 'record-e2e-latency-max')) >= 60_000)
  assert.ok(sumOf(samples(running, 'stream-task', 'record-e2e-latency-min')) < 60_000)
  // Nobody asked for the records of each operator.
  assert.deepEqual(samples(running, 'stream-processor-node', 'process-total'), [])

  const response = await fetch(`${running.http.url}/metrics`)
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  const text = await response.text()
  assert.ok(text.endsWith('\n'))
  const scraped = new Map(parser(text).map(each => [each.name, each]))
  assert.equal(scraped.size, new Set(text.matchAll(/^# TYPE (\S+)/gm).map(([, name]) => name)).size)
  const processed = scraped.get('evert_stream_task_process_total')
  assert.equal(processed?.type, 'COUNTER')
  assert.deepEqual(
    processed.metrics.map(({ value, labels }) => [labels['application'], Number(value)]),
    samples(running, 'stream-task', 'process-total').map(({ value }) => ['metered', value]),
  )
})

test('the level debug counts the records of operators and what they ask of their stores', async () => {
  const counts = app('metered-debug')
  const perKey = counts.stream(clicks).groupByKey().count({ name: 'per-key' }).view('perKey')
  const start = { cluster: 'memory:metered-debug', metricsRecordingLevel: 'debug' } as const
  await using running = await counts.start(start)
  let last = await running.append(clicks, 'k', 'x')
  for (let i = 0; i < 9; i++) last = await running.append(clicks, `k${i}`, 'x')
  await perKey.find({}, { minPosition: last.position })
  const processed = samples(running, 'stream-processor-node', 'process-total')
  const ofCount = processed.filter(({ labels }) => labels['operator'] === 'per-key')
  assert.equal(sumOf(ofCount), 10)
  assert.equal(sumOf(samples(running, 'stream-state', 'put-total')), 10)
})

test('lag is what is not processed, whether it is fetched or not', async () => {
  const slow = app('lagging')
  const gate = Promise.withResolvers<void>()
  const done = slow
    .stream(clicks, { name: 'clicks' })
    .mapAsync(
      async value => {
        await gate.promise
        return value
      },
      { value: string, concurrency: 2, timeoutMs: Infinity, name: 'slowly' },
    )
    .groupByKey()
    .count()
    .view('done')
  await using running = await slow.start({ cluster: 'memory:lagging' })
  let last = await running.append(clicks, 'k', 'x')
  for (let i = 0; i < 49; i++) last = await running.append(clicks, 'k', 'x')
  await until(() => sumOf(samples(running, 'stream-task', 'pending-calls')) > 0)
  await until(() => sumOf(samples(running, 'stream-task', 'records-lag')) > 0)
  gate.resolve()
  await done.find({}, { minPosition: last.position })
  assert.equal(sumOf(samples(running, 'stream-task', 'records-lag')), 0)
  assert.equal(sumOf(samples(running, 'stream-task', 'pending-calls')), 0)
})

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(resolve => setImmediate(resolve))
}

test('metrics are plain data', async () => {
  const { counts } = counting('metered-data')
  await using running = await counts.start({ cluster: 'memory:metered-data' })
  await running.whenRunning()
  const metrics: MetricFamily[] = running.metrics()
  assert.ok(metrics.length > 20)
  assert.deepEqual(structuredClone(metrics), metrics)
})
