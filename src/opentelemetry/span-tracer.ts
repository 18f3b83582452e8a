import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api'
import type { RecordHeader } from '../records/record-batch.ts'
import type { RecordTracer, TracedRecord } from '../streams/runtime/telemetry.ts'

type Action = 'process' | 'call'

/** Spans by the semantic conventions of messaging. */
export class SpanTracer implements RecordTracer {
  readonly #tracer: Tracer
  /** Of the record that is processed now: there may be no context manager that would know it. */
  #processing: Context | undefined

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  process(record: TracedRecord, run: () => void): void {
    const { span, within } = this.#begin('process', record)
    const outer = this.#processing
    this.#processing = within
    try {
      context.with(within, run)
    } catch (error) {
      failed(span, error)
      throw error
    } finally {
      this.#processing = outer
      span.end()
    }
  }

  call<T>(record: TracedRecord, run: () => T): T {
    const { span, within } = this.#begin('call', record)
    const result = context.with(within, run)
    Promise.resolve(result).then(
      () => span.end(),
      (error: unknown) => {
        failed(span, error)
        span.end()
      },
    )
    return result
  }

  inject(headers: readonly RecordHeader[]): readonly RecordHeader[] {
    const injected = new Map<string, string>()
    propagation.inject(this.#processing ?? context.active(), injected, {
      set: (map, key, value) => map.set(key, value),
    })
    if (injected.size === 0) return headers
    return [
      ...headers.filter(({ key }) => !injected.has(key)),
      ...Array.from(injected, ([key, value]) => ({ key, value: Buffer.from(value) })),
    ]
  }

  #begin(action: Action, record: TracedRecord): { span: Span; within: Context } {
    const parent = propagation.extract(ROOT_CONTEXT, record.headers, GETTER)
    const { operator, source } = record
    const kind = operator === undefined ? SpanKind.CONSUMER : SpanKind.INTERNAL
    const name = [action, operator ?? source?.topic ?? 'record'].join(' ')
    const span = this.#tracer.startSpan(name, { kind, attributes: attributesOf(action, record) }, parent)
    return { span, within: trace.setSpan(parent, span) }
  }
}

/** The last header of a name counts. */
const GETTER = {
  keys: (headers: readonly RecordHeader[]) => headers.map(({ key }) => key),
  get: (headers: readonly RecordHeader[], name: string) =>
    headers.findLast(({ key }) => key === name)?.value?.toString('utf8'),
}

function attributesOf(action: Action, { applicationId, task, operator, source }: TracedRecord): Attributes {
  return {
    'messaging.system': 'kafka',
    'messaging.operation.name': action,
    'messaging.operation.type': 'process',
    'messaging.consumer.group.name': applicationId,
    ...(source !== undefined && {
      'messaging.destination.name': source.topic,
      'messaging.destination.partition.id': String(source.partition),
      'messaging.kafka.offset': source.offset,
    }),
    'evert.task': task,
    ...(operator !== undefined && { 'evert.operator': operator }),
  }
}

function failed(span: Span, error: unknown): void {
  span.recordException(error instanceof Error ? error : String(error))
  span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) })
}
