import { Latency } from '../../internal/latency.ts'
import type { MetricSheet } from '../../internal/metric.ts'
import { CountedProcessor } from '../metrics/counted-processor.ts'
import { StoreCounts } from '../metrics/counted-store.ts'
import { streamsMetrics } from '../metrics/definitions.ts'
import type { DropReason } from '../processors/drop-reason.ts'
import type { Processor, StoreAccess } from '../processors/processor.ts'

/** Records that an operator of a task did not take, by reason; of a record in several windows one per window. */
export interface DroppedRecords {
  /** `<sub-topology>_<partition>`; `global` for the global tables, each of which is an operator of its store's name. */
  readonly task: string
  readonly operator: string
  readonly reason: DropReason
  readonly count: number
}

/** Records that came behind the stream time of their task. They are processed as all others are. */
export interface OutOfOrderRecords {
  readonly task: string
  /** The source that read them. */
  readonly operator: string
  readonly count: number
}

/** `debug` counts the records of every operator and what it asks of stores, too (Kafka Streams: metrics.recording.level). */
export type RecordingLevel = 'info' | 'debug'

/** A count that is kept by whoever has it in hand. */
export interface Counter {
  count: number
}

/**
 * What the tasks of one instance counted since it started: a task that is rolled back or comes back counts on. What is
 * processed again after a rollback is counted again. Nothing is looked up or allocated for a record that is not counted.
 */
export class RecordCounts {
  readonly #tasks = new Map<string, TaskCounts>()
  readonly #level: RecordingLevel

  constructor(level: RecordingLevel = 'info') {
    this.#level = level
  }

  of(task: string): TaskCounts {
    let counts = this.#tasks.get(task)
    if (counts === undefined) {
      counts = new TaskCounts(this.#level)
      this.#tasks.set(task, counts)
    }
    return counts
  }

  /** A copy, in no set order. */
  dropped(): DroppedRecords[] {
    return [...this.#tasks].flatMap(([task, counts]) => counts.dropped(task))
  }

  /** A copy, in no set order. */
  outOfOrder(): OutOfOrderRecords[] {
    return [...this.#tasks].flatMap(([task, counts]) => counts.outOfOrder(task))
  }

  report(sheet: MetricSheet, elapsedMs: number): void {
    for (const [task, counts] of this.#tasks) counts.report(sheet, task, elapsedMs)
    for (const { count, ...labels } of this.outOfOrder()) sheet.set(streamsMetrics.outOfOrder, count, labels)
    for (const { count, ...labels } of this.dropped()) sheet.set(streamsMetrics.dropped, count, labels)
  }
}

export class TaskCounts {
  /** Records, and how long they took. */
  processed = 0
  processMs = 0
  /** From a record's timestamp to its processing. */
  readonly endToEnd = new Latency()
  /** By operator, on the level debug. */
  readonly #operators: Map<string, Counter> | undefined
  readonly #stores: StoreCounts | undefined
  readonly #dropped = new Map<string, Map<DropReason, number>>()
  readonly #outOfOrder = new Map<string, Counter>()

  constructor(level: RecordingLevel = 'info') {
    if (level === 'info') return
    this.#operators = new Map()
    this.#stores = new StoreCounts()
  }

  /** The processor of an operator, counted if the level says so. */
  processor(operator: string, processor: Processor): Processor {
    if (this.#operators === undefined) return processor
    const counter = this.#operators.get(operator) ?? { count: 0 }
    this.#operators.set(operator, counter)
    return new CountedProcessor(processor, counter)
  }

  /** The same for stores. */
  stores(stores: StoreAccess): StoreAccess {
    return this.#stores?.around(stores) ?? stores
  }

  drop(operator: string, reason: DropReason): void {
    let reasons = this.#dropped.get(operator)
    if (reasons === undefined) {
      reasons = new Map()
      this.#dropped.set(operator, reasons)
    }
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  }

  /** Of the records that the source reads out of order. */
  outOfOrderOf(source: string): Counter {
    let counter = this.#outOfOrder.get(source)
    if (counter === undefined) {
      counter = { count: 0 }
      this.#outOfOrder.set(source, counter)
    }
    return counter
  }

  report(sheet: MetricSheet, task: string, elapsedMs: number): void {
    for (const [operator, { count }] of this.#operators ?? []) {
      sheet.set(streamsMetrics.nodeProcessed, count, { task, operator })
    }
    this.#stores?.report(sheet, { task })
    // Global tables have no records that are processed.
    if (this.processed === 0) return
    sheet.set(streamsMetrics.taskProcessed, this.processed, { task })
    sheet.set(streamsMetrics.taskProcessTime, this.processMs, { task })
    this.endToEnd.turn(elapsedMs)
    this.endToEnd.report(sheet, streamsMetrics.endToEnd, { task })
  }

  dropped(task: string): DroppedRecords[] {
    return [...this.#dropped].flatMap(([operator, reasons]) =>
      Array.from(reasons, ([reason, count]) => ({ task, operator, reason, count })),
    )
  }

  outOfOrder(task: string): OutOfOrderRecords[] {
    return Array.from(this.#outOfOrder, ([operator, { count }]) => ({ task, operator, count })).filter(
      ({ count }) => count > 0,
    )
  }
}
