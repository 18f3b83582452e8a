import type { BatchObservableCallback, Meter, Observable } from '@opentelemetry/api'
import { baseUnitOf, type MetricFamily } from '../internal/metric.ts'
import type { MetricSource } from '../streams/runtime/telemetry.ts'

/**
 * Shows metrics to a meter, which asks for them when it collects. The instruments follow from the metrics; one that
 * appears later (the first record that is dropped) is there from the next collection on. A histogram is shown as its
 * count and its sum: its quantiles are metrics of their own.
 */
export class MetricExport {
  readonly #meter: Meter
  readonly #source: MetricSource
  readonly #instruments = new Map<string, Observable>()
  #registered: Observable[] = []

  constructor(meter: Meter, source: MetricSource) {
    this.#meter = meter
    this.#source = source
    for (const family of source.metrics()) this.#makeInstruments(family)
    this.#register()
  }

  end(): void {
    this.#meter.removeBatchObservableCallback(this.#observe, this.#registered)
    this.#registered = []
  }

  readonly #observe: BatchObservableCallback = result => {
    const application = this.#source.applicationId
    const known = this.#instruments.size
    for (const family of this.#source.metrics()) {
      this.#makeInstruments(family)
      const { scale } = baseUnitOf(family.unit)
      const [first, second] = namesOf(family).map(name => this.#instruments.get(name) as Observable)
      if (first === undefined) continue
      if (family.type !== 'histogram') {
        for (const { labels, value } of family.samples)
          result.observe(first, value / scale, { application, ...labels })
        continue
      }
      for (const { labels, count, sum } of family.samples) {
        const attributes = { application, ...labels }
        result.observe(first, count, attributes)
        if (second !== undefined) result.observe(second, sum / scale, attributes)
      }
    }
    // Not within the collection that runs over what is registered.
    if (this.#instruments.size > known) queueMicrotask(() => this.#registerAgain())
  }

  #makeInstruments(family: MetricFamily): void {
    const { help: description, type, unit } = family
    for (const [index, name] of namesOf(family).entries()) {
      if (this.#instruments.has(name)) continue
      const isCount = type === 'histogram' && index === 0
      const options = { description, unit: isCount ? '' : baseUnitOf(unit).ucum }
      const instrument =
        type === 'gauge'
          ? this.#meter.createObservableGauge(name, options)
          : this.#meter.createObservableCounter(name, options)
      this.#instruments.set(name, instrument)
    }
  }

  #register(): void {
    this.#registered = [...this.#instruments.values()]
    this.#meter.addBatchObservableCallback(this.#observe, this.#registered)
  }

  #registerAgain(): void {
    // It may have ended meanwhile.
    if (this.#registered.length === 0) return
    this.#meter.removeBatchObservableCallback(this.#observe, this.#registered)
    this.#register()
  }
}

/** `stream-task` `process-total` is `evert.stream_task.process`. */
function namesOf({ group, name, type }: MetricFamily): string[] {
  const base = `evert.${group}.${name.replace(/-total$/, '')}`.replaceAll('-', '_')
  return type === 'histogram' ? [`${base}.count`, `${base}.sum`] : [base]
}
