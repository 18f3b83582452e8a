import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { context, propagation, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  StackContextManager,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { app, covers, openCluster, type Position, string, topic } from 'evert'
import { readTopic } from 'evert/client'
import { openTelemetry } from 'evert/opentelemetry'

const orders = topic('orders', { key: string, value: string, partitions: 1 })
const bills = topic('bills', { key: string, value: string, partitions: 1 })

const spans = new InMemorySpanExporter()
const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] })

before(() => {
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  context.setGlobalContextManager(new StackContextManager().enable())
})
after(() => {
  propagation.disable()
  context.disable()
})
beforeEach(() => spans.reset())

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const TRACEPARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`
const header = { key: 'traceparent', value: Buffer.from(TRACEPARENT) }

test('a trace goes through an application, from the headers of inputs to those of outputs', async () => {
  const billing = app('traced')
  billing
    .stream(orders)
    .filter(text => text !== 'none')
    .groupByKey()
    .reduce((sum, text) => `${sum}+${text}`)
    .toStream()
    .to(bills)
  await using cluster = await openCluster('memory:traced')
  {
    await using running = await billing.start({ cluster, telemetry: openTelemetry({ tracerProvider }) })
    await running.append(orders, 'k', 'a', { headers: [header, { key: 'of', value: Buffer.from('user') }] })
    await running.append(orders, 'k', 'none', { headers: [header] })
    const untraced = await running.append(orders, 'k', 'b')
    await until(() => running.position(), untraced.position)
  }
  const [first, filtered, root] = spans.getFinishedSpans()
  assert.ok(first !== undefined && filtered !== undefined && root !== undefined)
  assert.equal(first.name, 'process orders')
  assert.equal(first.kind, SpanKind.CONSUMER)
  assert.equal(first.spanContext().traceId, TRACE_ID)
  assert.equal(first.parentSpanContext?.spanId, 'b7ad6b7169203331')
  assert.deepEqual(
    ['messaging.system', 'messaging.destination.name', 'messaging.kafka.offset', 'evert.task'].map(
      name => first.attributes[name],
    ),
    ['kafka', 'orders', 0, '0_0'],
  )
  assert.equal(filtered.spanContext().traceId, TRACE_ID)
  assert.equal(root.parentSpanContext, undefined)
  assert.equal(spans.getFinishedSpans().length, 3)

  const written: Record<string, string>[] = []
  for await (const { batches } of readTopic(cluster, 'bills')) {
    for (const columns of batches.map(batch => batch.records())) {
      for (let i = 0; i < columns.count; i++) {
        written.push(Object.fromEntries(columns.headers(i).map(({ key, value }) => [key, String(value)])))
      }
    }
  }
  assert.deepEqual(written, [
    { of: 'user', traceparent: `00-${TRACE_ID}-${first.spanContext().spanId}-01` },
    { traceparent: `00-${root.spanContext().traceId}-${root.spanContext().spanId}-01` },
  ])
})

test('a record that fails ends its span with the error', async () => {
  const failing = app('traced-failing')
  failing.stream(orders).peek(() => {
    throw new Error('it is bad')
  })
  await using running = await failing.start({
    cluster: 'memory:traced-failing',
    telemetry: openTelemetry({ tracerProvider }),
    onError: 'skip',
  })
  const { position } = await running.append(orders, 'k', 'x')
  await until(() => running.position(), position)
  const [span] = spans.getFinishedSpans()
  assert.equal(span?.status.code, SpanStatusCode.ERROR)
  assert.match(String(span.status.message), /it is bad/)
  assert.equal(span.events[0]?.name, 'exception')
})

test('asynchronous functions have spans, and what follows from their results is in the same trace', async () => {
  const asking = app('traced-async')
  let within: Span | undefined
  asking
    .stream(orders)
    .mapAsync(
      async text => {
        within = trace.getSpan(context.active())
        return text
      },
      { value: string, name: 'ask' },
    )
    .to(bills)
  await using running = await asking.start({
    cluster: 'memory:traced-async',
    telemetry: openTelemetry({ tracerProvider }),
  })
  const { position } = await running.append(orders, 'k', 'a', { headers: [header] })
  await until(() => running.position(), position)
  const finished = spans.getFinishedSpans()
  assert.deepEqual(
    finished.map(({ name }) => name),
    ['process orders', 'call ask', 'process ask'],
  )
  assert.deepEqual(new Set(finished.map(span => span.spanContext().traceId)), new Set([TRACE_ID]))
  assert.equal(within?.spanContext().spanId, finished[1]?.spanContext().spanId)
})

test('what is appended within a span goes on in its trace', async () => {
  const serving = app('traced-append')
  serving.stream(orders).filter(() => false)
  await using running = await serving.start({
    cluster: 'memory:traced-append',
    telemetry: openTelemetry({ tracerProvider }),
  })
  const request = tracerProvider.getTracer('test').startSpan('request')
  const appended = context.with(trace.setSpan(context.active(), request), () =>
    running.append(orders, 'k', 'a'),
  )
  const { position } = await appended
  await until(() => running.position(), position)
  const [span] = spans.getFinishedSpans()
  assert.equal(span?.parentSpanContext?.spanId, request.spanContext().spanId)
})

test('a meter shows the metrics of a running application, in base units', async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const meterProvider = new MeterProvider({ readers: [reader] })
  const counting = app('measured')
  counting.stream(orders).groupByKey().count().view('counts')
  {
    await using running = await counting.start({
      cluster: 'memory:measured',
      telemetry: openTelemetry({ meterProvider, traces: false }),
    })
    let last = await running.append(orders, 'k', 'x')
    for (let i = 0; i < 9; i++) last = await running.append(orders, 'k', 'x')
    last = await running.append(orders, null, 'x')
    await until(() => running.position(), last.position)
    // The dropped record made a metric that was not there at the start.
    await reader.forceFlush()
    exporter.reset()
    await reader.forceFlush()
    const found = new Map(
      exporter
        .getMetrics()
        .flatMap(({ scopeMetrics }) => scopeMetrics)
        .flatMap(({ metrics }) => metrics)
        .map(metric => [metric.descriptor.name, metric]),
    )
    const points = (name: string) =>
      found.get(name)?.dataPoints.map(({ attributes, value }) => [attributes, value]) as [object, number][]
    assert.deepEqual(points('evert.stream_thread.process'), [[{ application: 'measured' }, 11]])
    assert.deepEqual(
      points('evert.stream_task.dropped_records').map(([attributes, value]) => [
        (attributes as { reason: string }).reason,
        value,
      ]),
      [['null-key', 1]],
    )
    assert.equal(found.get('evert.stream_thread.commit_latency.sum')?.descriptor.unit, 's')
    const seconds = points('evert.stream_thread.commit_latency.sum')[0]?.[1] ?? 0
    assert.ok(seconds > 0 && seconds < 5, String(seconds))
  }
  await meterProvider.shutdown()
})

test('nothing is asked of what has ended', async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const meterProvider = new MeterProvider({ readers: [reader] })
  let asked = 0
  const end = openTelemetry({ meterProvider }).observe({
    applicationId: 'ended',
    metrics() {
      asked++
      const samples = [{ labels: {}, value: 1 }]
      const definition = {
        group: 'stream',
        type: 'counter',
        unit: undefined,
        help: 'New each time.',
      } as const
      return [{ ...definition, name: `n${asked}-total`, samples }]
    },
  })
  await reader.forceFlush()
  await reader.forceFlush()
  assert.equal(asked, 3)
  end()
  await reader.forceFlush()
  assert.equal(asked, 3)
  await meterProvider.shutdown()
})

async function until(reached: () => Position, wanted: Position): Promise<void> {
  while (!covers(reached(), wanted)) await new Promise(resolve => setImmediate(resolve))
}
