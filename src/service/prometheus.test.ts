import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { counter, gauge, type MetricFamily, MetricSheet } from '../internal/metric.ts'
import { prometheusText } from './prometheus.ts'

interface Parsed {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly metrics: readonly {
    readonly value?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly buckets?: Readonly<Record<string, string>>
  }[]
}

/** Somebody else's reading of the format. */
const parser = createRequire(import.meta.url)('parse-prometheus-text-format') as (text: string) => Parsed[]

function parsed(families: readonly MetricFamily[], options?: Parameters<typeof prometheusText>[1]) {
  return new Map(parser(prometheusText(families, options)).map(each => [each.name, each]))
}

test('names are made of group, name and unit, and values are in base units', () => {
  const sheet = new MetricSheet()
  sheet.set(counter('stream-task', 'process-total', 'Records.'), 3, { task: '0_1' })
  sheet.set(counter('stream-task', 'process-latency-total', 'Time.', 'ms'), 1500, { task: '0_1' })
  sheet.set(counter('fetch', 'bytes-consumed-total', 'Bytes.', 'bytes'), 7)
  sheet.set(gauge('stream-task', 'cache-size-bytes-total', 'Bytes.', 'bytes'), 8)
  sheet.set(gauge('broker', 'log-size', 'Bytes.', 'bytes'), 9)
  sheet.set(gauge('stream-thread', 'poll-ratio', 'Part.', 'ratio'), 0.25)
  const found = parsed(sheet.families(), { labels: { application: 'shop' } })
  const values = Array.from(found.values(), ({ name, type, metrics }) => [name, type, metrics[0]?.value])
  assert.deepEqual(values, [
    ['evert_stream_task_process_total', 'COUNTER', '3'],
    ['evert_stream_task_process_latency_seconds_total', 'COUNTER', '1.5'],
    ['evert_fetch_bytes_consumed_total', 'COUNTER', '7'],
    ['evert_stream_task_cache_size_bytes', 'GAUGE', '8'],
    ['evert_broker_log_size_bytes', 'GAUGE', '9'],
    ['evert_stream_thread_poll_ratio', 'GAUGE', '0.25'],
    ['evert_metrics_left_out', 'GAUGE', '0'],
  ])
  assert.deepEqual(found.get('evert_stream_task_process_total')?.metrics[0]?.labels, {
    application: 'shop',
    task: '0_1',
  })
})

test('texts come through whatever is in them', () => {
  const sheet = new MetricSheet()
  const operator = 'a "quoted" \\ back\\nslash\nand a line, {brace}="x"'
  sheet.set(counter('g', 'n-total', 'A \\ and\na line.'), 1, { operator })
  const found = parsed(sheet.families()).get('evert_g_n_total')
  assert.equal(found?.metrics[0]?.labels?.['operator'], operator)
  assert.equal(found?.help, 'A \\ and\na line.')
  for (const line of prometheusText(sheet.families()).trimEnd().split('\n')) {
    assert.match(line, /^(?:# (?:HELP|TYPE) [a-z_]+ .+|[a-z_]+(?:\{.*\})? \S+)$/)
  }
})

test('a histogram has its buckets, its sum and its count', () => {
  const family: MetricFamily = {
    group: 'stream-task',
    name: 'wait',
    type: 'histogram',
    unit: 'ms',
    help: 'Time.',
    samples: [
      {
        labels: { task: '0_0' },
        count: 9,
        sum: 4_500,
        buckets: [
          [1, 2],
          [1024, 7],
        ],
      },
    ],
  }
  assert.deepEqual(prometheusText([family]).split('\n').slice(0, 7), [
    '# HELP evert_stream_task_wait_seconds Time.',
    '# TYPE evert_stream_task_wait_seconds histogram',
    'evert_stream_task_wait_seconds_bucket{task="0_0",le="0.001"} 2',
    'evert_stream_task_wait_seconds_bucket{task="0_0",le="1.024"} 7',
    'evert_stream_task_wait_seconds_bucket{task="0_0",le="+Inf"} 9',
    'evert_stream_task_wait_seconds_sum{task="0_0"} 4.5',
    'evert_stream_task_wait_seconds_count{task="0_0"} 9',
  ])
  const found = parsed([family]).get('evert_stream_task_wait_seconds')
  assert.equal(found?.type, 'HISTOGRAM')
  assert.deepEqual(found.metrics[0]?.buckets, { '0.001': '2', '1.024': '7', '+Inf': '9' })
})

test('a metric of too many samples is cut, and that is told', () => {
  const sheet = new MetricSheet()
  const many = gauge('g', 'many', 'Many.')
  for (let i = 0; i < 30; i++) sheet.set(many, i, { task: String(i) })
  const found = parsed(sheet.families(), { maxSamples: 20 })
  assert.equal(found.get('evert_g_many')?.metrics.length, 20)
  assert.equal(found.get('evert_metrics_left_out')?.metrics[0]?.value, '10')
})
