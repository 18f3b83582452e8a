import { type MeterProvider, metrics, trace, type TracerProvider } from '@opentelemetry/api'
import type { Telemetry } from '../streams/runtime/telemetry.ts'
import { MetricExport } from './metric-export.ts'
import { SpanTracer } from './span-tracer.ts'

export interface OpenTelemetryOptions {
  /** Default: the one that is registered globally; without one nothing is exported. */
  readonly meterProvider?: MeterProvider
  /** The same for spans. */
  readonly tracerProvider?: TracerProvider
  /** Whether records are traced: a span for each. Default true. */
  readonly traces?: boolean
}

/**
 * Exports an application's metrics and traces its records through OpenTelemetry, with the propagator that is registered
 * (W3C trace context by default of its SDKs): the context is read from the headers of an input record, and written to
 * the headers of everything that follows from it.
 *
 * @example
 * const running = await shop.start({ cluster: 'kafka://localhost:9092', telemetry: openTelemetry() })
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Telemetry {
  const { meterProvider, tracerProvider, traces = true } = options
  return {
    tracer: traces ? new SpanTracer((tracerProvider ?? trace).getTracer(SCOPE)) : undefined,
    observe(source) {
      const exported = new MetricExport((meterProvider ?? metrics).getMeter(SCOPE), source)
      return () => exported.end()
    },
  }
}

const SCOPE = 'evert'
