import type { RecordHeader } from '../../records/record-batch.ts'
import type { RecordColumns } from '../../records/record-columns.ts'
import type { AsyncCall } from '../processors/async-call.ts'
import type { SourcePosition } from '../processors/process-context.ts'
import type { SourceProcessor } from '../processors/source.ts'
import type { StreamRecord } from '../processors/stream-record.ts'
import type { RecordCollector } from '../state/record-collector.ts'
import type { RecordTracer, TracedRecord } from './telemetry.ts'

/** Traces the records of one task. Built in only where there is a tracer: other tasks have none of this. */
export interface TaskTracing {
  readonly tracer: RecordTracer
  readonly applicationId: string
  readonly task: string
  /** Of the record that is processed now. */
  position(): SourcePosition | undefined
}

/** A source whose records are processed each in a span of its own. */
export class TracedSource implements SourceProcessor {
  readonly name: string
  readonly stamp: SourceProcessor['stamp']
  readonly #source: SourceProcessor
  readonly #tracing: TaskTracing

  constructor(source: SourceProcessor, tracing: TaskTracing) {
    this.name = source.name
    this.stamp = source.stamp
    this.#source = source
    this.#tracing = tracing
  }

  process(columns: RecordColumns, index: number, timestamp: number): void {
    this.#trace(columns.headers(index), () => this.#source.process(columns, index, timestamp))
  }

  forward(record: StreamRecord): void {
    this.#trace(record.headers, () => this.#source.forward(record))
  }

  decodes(columns: RecordColumns, index: number): boolean {
    return this.#source.decodes(columns, index)
  }

  #trace(headers: readonly RecordHeader[], run: () => void): void {
    const { tracer, applicationId, task } = this.#tracing
    tracer.process({ applicationId, task, source: this.#tracing.position(), headers }, run)
  }
}

/** Outputs carry the context of the span in which they are written. */
export function tracedCollector(collector: RecordCollector, tracer: RecordTracer): RecordCollector {
  return {
    collect(topic, partition, timestamp, key, value, headers) {
      collector.collect(topic, partition, timestamp, key, value, tracer.inject(headers))
    },
  }
}

/** The record for which a function is called. */
export function tracedCall({ node, record }: AsyncCall, task: string, applicationId = ''): TracedRecord {
  return { applicationId, task, operator: node, source: record.source, headers: record.headers }
}
