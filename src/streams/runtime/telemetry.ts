import type { MetricFamily } from '../../internal/metric.ts'
import type { RecordHeader } from '../../records/record-batch.ts'

/** What an instance tells to the outside while it runs. `openTelemetry()` of `evert/opentelemetry` makes one. */
export interface Telemetry {
  /** Undefined: records are not traced, and nothing is done for it. */
  readonly tracer: RecordTracer | undefined
  /** Told, when the instance starts, how its metrics are read; the returned function ends that. */
  observe(source: MetricSource): () => void
}

export interface MetricSource {
  readonly applicationId: string
  metrics(): MetricFamily[]
}

/** Traces records through applications: a context comes with a record's headers and goes on with those of its outputs. */
export interface RecordTracer {
  /** Calls `run`, which processes the record, within a span that follows the record's context. Throws what `run` throws. */
  process(record: TracedRecord, run: () => void): void
  /** Calls `run`, which gives the result of an asynchronous function for the record, within a span. */
  call<T>(record: TracedRecord, run: () => T): T
  /** The headers of a record that is written now: those it has, with the context of the span that it is written in. */
  inject(headers: readonly RecordHeader[]): readonly RecordHeader[]
}

export interface TracedRecord {
  readonly applicationId: string
  /** `<sub-topology>_<partition>`. */
  readonly task: string
  /** Of the operator, for an asynchronous function. */
  readonly operator?: string
  /** Where it was read; undefined when that is not known any more. */
  readonly source: { readonly topic: string; readonly partition: number; readonly offset: number } | undefined
  readonly headers: readonly RecordHeader[]
}
