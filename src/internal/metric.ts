/** What is measured, once for all of its samples. */
export interface MetricDefinition<T extends MetricType = MetricType> {
  /** Whose it is: `client`, `stream-thread`, `stream-task` … (Kafka Streams: without `-metrics`). */
  readonly group: string
  /** Kafka's name where it means the same: `process-total`. */
  readonly name: string
  readonly type: T
  /** Of the values; undefined: they are numbers of something. */
  readonly unit: MetricUnit | undefined
  /** One sentence. */
  readonly help: string
}

/** A counter only grows, until the process ends. A gauge is how it is now. */
export type MetricType = 'counter' | 'gauge' | 'histogram'
export type MetricUnit = 'ms' | 'bytes' | 'ratio'

/** What exporters show in place of a unit: values are divided by `scale`; `ucum` is the unit's code. */
export function baseUnitOf(unit: MetricUnit | undefined): { readonly scale: number; readonly ucum: string } {
  if (unit === 'ms') return { scale: 1000, ucum: 's' }
  return { scale: 1, ucum: unit === 'bytes' ? 'By' : unit === 'ratio' ? '1' : '' }
}

export type MetricLabels = Readonly<Record<string, string>>

export interface MetricSample {
  readonly labels: MetricLabels
  readonly value: number
}

export interface HistogramSample {
  readonly labels: MetricLabels
  readonly count: number
  readonly sum: number
  /** How many were at most so large, by ascending bounds; the last bound is below Infinity. */
  readonly buckets: readonly (readonly [bound: number, count: number])[]
}

/** All samples of one definition, as data: it can be sent to another thread. */
export type MetricFamily =
  | (MetricDefinition<'counter' | 'gauge'> & { readonly samples: readonly MetricSample[] })
  | (MetricDefinition<'histogram'> & { readonly samples: readonly HistogramSample[] })

type Sample<T extends MetricType> = T extends 'histogram' ? HistogramSample : MetricSample

export function counter(
  group: string,
  name: string,
  help: string,
  unit?: MetricUnit,
): MetricDefinition<'counter'> {
  return { group, name, type: 'counter', unit, help }
}

export function gauge(
  group: string,
  name: string,
  help: string,
  unit?: MetricUnit,
): MetricDefinition<'gauge'> {
  return { group, name, type: 'gauge', unit, help }
}

/** Where the parts of a system write what they have counted, when somebody asks. */
export class MetricSheet {
  readonly #samples = new Map<MetricDefinition, unknown[]>()

  add<T extends MetricType>(definition: MetricDefinition<T>, sample: Sample<T>): void {
    const samples = this.#samples.get(definition)
    if (samples === undefined) this.#samples.set(definition, [sample])
    else samples.push(sample)
  }

  set(definition: MetricDefinition<'counter' | 'gauge'>, value: number, labels: MetricLabels = {}): void {
    this.add(definition, { labels, value })
  }

  /** In the order in which they were first written. */
  families(): MetricFamily[] {
    return Array.from(this.#samples, ([definition, samples]) => ({ ...definition, samples }) as MetricFamily)
  }
}
