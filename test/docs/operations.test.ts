import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { brokerMetrics } from '../../src/broker/broker-counts.ts'
import { clientMetrics } from '../../src/client/client-counts.ts'
import type { MetricDefinition } from '../../src/internal/metric.ts'
import { prometheusText } from '../../src/service/prometheus.ts'
import { streamsMetrics } from '../../src/streams/metrics/definitions.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/operations.md'), 'utf8')

test('the examples of docs/operations.md are files that run', () => {
  const blocks = Array.from(page.matchAll(/```ts\n(.*?)```/gs), ([, code]) => code)
  const files = ['shop.ts', 'shop.test.ts'].map(file =>
    readFileSync(join(import.meta.dirname, 'operations', file), 'utf8'),
  )
  assert.deepEqual(blocks, files)
})

test('the tables of docs/operations.md are the metrics that there are, as Prometheus sees them', () => {
  const rows = Array.from(page.matchAll(/^\| `(evert_\w+)` \| (\w+) \| (.+) \|$/gm), ([, ...cells]) => cells)
  const definitions: MetricDefinition[] = [streamsMetrics, clientMetrics, brokerMetrics]
    .flatMap(metrics => Object.values<MetricDefinition | { readonly histogram: MetricDefinition }>(metrics))
    .map(metric => ('histogram' in metric ? metric.histogram : metric))
  const shown = definitions.map(definition => {
    const text = prometheusText([{ ...definition, samples: [] }])
    const [, name, type] = /^# TYPE (\S+) (\S+)$/m.exec(text) ?? []
    return [name, type, definition.help]
  })
  assert.deepEqual(rows, shown)
})
