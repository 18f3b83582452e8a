import { timePart } from '../state/key-parts.ts'
import type { KeyValueStore } from '../state/store.ts'
import { Cell } from './cell.ts'
import type { FinalResults } from './final-results.ts'
import { LateRecords } from './late-records.ts'
import type { RowWriter } from './materialised.ts'
import type { OperatorClock } from './operator-clock.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import { RowExpiry } from './row-expiry.ts'
import type { StreamRecord } from './stream-record.ts'
import type { WindowFold } from './window-fold.ts'
import { firstOpenStart, firstStart, type TimeWindows } from './windows.ts'
import { type WindowedPlan, windowedRows } from './windowed-rows.ts'
import { missing } from './drop-reason.ts'

/*
 * Algorithm: a record updates the row of the window that covers its time, unless that has closed; a window closes when
 * stream time, as this operator has seen it, passes its end by the grace. Results go out with each update, or once when
 * the window has closed (final-results.ts).
 *
 * State: one row per key and window, ordered by window start; and, in a store of its own, how far stream time and the
 * emission of final results have come, so that a restarted task neither takes records that were late before nor
 * repeats a final result.
 *
 * Correctness: stream time only grows, so a window once closed never changes again. What closes between two records
 * is one range of starts. Rows expire after final results have been read, never before, however far time jumps.
 */

export interface WindowAggregatePlan extends WindowedPlan {
  readonly windows: TimeWindows
  readonly fold: WindowFold
}

/** Kafka Streams: KStreamWindowAggregate. Records without key or value are dropped, as are late ones. */
export function tumblingWindowAggregate(plan: WindowAggregatePlan): ProcessorFactory {
  return (context, next) => new TumblingWindowAggregate(plan, context, next)
}

class TumblingWindowAggregate implements Processor {
  readonly #plan: WindowAggregatePlan
  readonly #store: KeyValueStore<unknown>
  readonly #clock: OperatorClock
  readonly #rows: RowWriter
  readonly #results: Pick<FinalResults, 'emit'>
  readonly #expiry: RowExpiry
  readonly #late: LateRecords
  readonly #node: string
  readonly #task: TaskContext

  constructor(plan: WindowAggregatePlan, context: ProcessorContext, next: Processor) {
    const { retentionMs, windows } = plan
    const { store, clock, rows, results } = windowedRows(plan, context, next)
    this.#plan = plan
    this.#store = store
    this.#clock = clock
    this.#rows = rows
    this.#results = results
    this.#expiry = new RowExpiry(store, { retentionMs, everyMs: windows.sizeMs }, () => {})
    this.#late = new LateRecords(context)
    this.#node = context.node
    this.#task = context.task
  }

  process(record: StreamRecord): void {
    const { windows } = this.#plan
    const { key, value, timestamp } = record
    if (key === null || value === null) return this.#task.drop(this.#node, missing(record))
    this.#task.node = this.#node
    this.#clock.advance(timestamp)
    const { sizeMs, graceMs } = windows
    const closedUpTo = this.#clock.streamTime - graceMs
    const start = firstStart(windows, timestamp)
    if (start + sizeMs > closedUpTo) this.#update(record, key, start)
    else this.#late.drop(record, { start, end: start + sizeMs, streamTime: this.#clock.streamTime })
    this.#results.emit(record, firstOpenStart(windows, closedUpTo))
    this.#expiry.expire(this.#clock)
  }

  #update(record: StreamRecord, key: Cell, start: number): void {
    const windowKey = Cell.ofByteString(timePart(start) + key.byteString, this.#plan.windowKey)
    const row = this.#store.get(windowKey.byteString)
    const value = this.#plan.fold(row?.value, record.value as Cell, key)
    const timestamp = row === undefined ? record.timestamp : Math.max(record.timestamp, row.timestamp)
    this.#rows.replace(record.withKey(windowKey), { old: row?.value ?? null, value }, timestamp)
    this.#task.node = this.#node
  }
}
