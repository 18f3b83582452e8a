import {
  baseUnitOf,
  type HistogramSample,
  type MetricFamily,
  type MetricLabels,
  type MetricSample,
  type MetricUnit,
} from '../internal/metric.ts'

/** The text format of Prometheus, version 0.0.4. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export interface PrometheusOptions {
  /** Given to every sample: what tells this source from others in the same text. Default: none. */
  readonly labels?: MetricLabels
  /**
   * Of one metric; the samples beyond are left out, and `evert_metrics_left_out` tells how many there were. Default
   * 2000, which is some hundred tasks.
   */
  readonly maxSamples?: number
}

/**
 * Metrics as Prometheus scrapes them: `stream-task` `process-total` is `evert_stream_task_process_total`. Units are base
 * units and end the name: milliseconds become `_seconds`.
 */
export function prometheusText(
  families: readonly MetricFamily[],
  { labels: common = {}, maxSamples = 2000 }: PrometheusOptions = {},
): string {
  const lines: string[] = []
  let leftOut = 0
  for (const family of families) {
    const name = nameOf(family)
    lines.push(`# HELP ${name} ${escapeHelp(family.help)}`, `# TYPE ${name} ${family.type}`)
    const { scale } = baseUnitOf(family.unit)
    leftOut += Math.max(0, family.samples.length - maxSamples)
    if (family.type === 'histogram') {
      for (const sample of family.samples.slice(0, maxSamples))
        writeHistogram(lines, { name, sample, common, scale })
    } else {
      for (const sample of family.samples.slice(0, maxSamples)) {
        lines.push(line(name, { ...common, ...sample.labels }, sample.value / scale))
      }
    }
  }
  lines.push(
    '# HELP evert_metrics_left_out Samples beyond the limit of their metric.',
    '# TYPE evert_metrics_left_out gauge',
    line('evert_metrics_left_out', common, leftOut),
  )
  return `${lines.join('\n')}\n`
}

const SUFFIXES: Readonly<Record<MetricUnit, string>> = { ms: '_seconds', bytes: '_bytes', ratio: '' }

function nameOf({ group, name, type, unit }: MetricFamily): string {
  // Counters end in _total, and nothing else does: Kafka has gauges that do.
  const base = `evert_${group}_${name.replace(/-total$/, '')}`.replaceAll(/[^a-zA-Z0-9_]/g, '_')
  const suffix = unit === undefined ? '' : SUFFIXES[unit]
  const isNamed = unit === 'bytes' && /_bytes?(_|$)/.test(base)
  return base + (isNamed ? '' : suffix) + (type === 'counter' ? '_total' : '')
}

interface HistogramLines {
  readonly name: string
  readonly sample: HistogramSample
  readonly common: MetricLabels
  readonly scale: number
}

function writeHistogram(lines: string[], { name, sample, common, scale }: HistogramLines): void {
  const labels = { ...common, ...sample.labels }
  for (const [bound, count] of sample.buckets) {
    lines.push(line(`${name}_bucket`, { ...labels, le: valueText(bound / scale) }, count))
  }
  lines.push(
    line(`${name}_bucket`, { ...labels, le: '+Inf' }, sample.count),
    line(`${name}_sum`, labels, sample.sum / scale),
    line(`${name}_count`, labels, sample.count),
  )
}

function line(name: string, labels: MetricLabels, value: MetricSample['value']): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${labelName(key)}="${escapeLabel(text)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${valueText(value)}`
}

function valueText(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}

function labelName(text: string): string {
  return text.replaceAll(/[^a-zA-Z0-9_]/g, '_')
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
