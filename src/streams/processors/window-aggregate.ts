import type { Codec } from '../../contracts/codec.ts'
import { assert } from '../../internal/assert.ts'
import type { KeyValueStore } from '../state/store.ts'
import { Cell, cellOf } from './cell.ts'
import { fanOut } from './fan-out.ts'
import type { Aggregator, Initializer, Reducer } from './functions.ts'
import { RowWriter, type TableState } from './materialised.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import { StreamRecord } from './stream-record.ts'
import { firstStart, type TimeWindows } from './windows.ts'
import { fromStart, windowStoreKeyBytes } from './windowed-key.ts'

/*
 * Algorithm: a record updates the row of every window that covers its time and has not closed; a window closes when
 * stream time, as this operator has seen it, passes its end by the grace. Results go out with each update, or once when
 * the window has closed (KIP-825).
 *
 * State: one row per key and window, ordered by window start; and, in a store of its own, how far stream time and the
 * emission of final results have come, so that a restarted task neither takes records that were late before nor
 * repeats a final result.
 *
 * Correctness: stream time only grows, so a window once closed never changes again. What closes between two records
 * is one range of starts. Rows expire after final results have been read, never before, however far time jumps.
 */

/** How a row follows its records; `row` is undefined for the first. */
export type StreamFold = (row: unknown, value: Cell, key: Cell) => unknown

export const countFold: StreamFold = row => (row === undefined ? 1 : (row as number) + 1)

export function reduceFold(reducer: Reducer): StreamFold {
  return (row, value) => (row === undefined ? value.value : reducer(row, value.value))
}

export function aggregateFold(initializer: Initializer, aggregator: Aggregator): StreamFold {
  return (row, value, key) => aggregator(row === undefined ? initializer() : row, value.value, key.value)
}

export interface WindowAggregatePlan {
  readonly windows: TimeWindows
  readonly fold: StreamFold
  readonly state: TableState
  /** Of the windowed key in the store. */
  readonly windowKey: Codec<unknown>
  /** The store of the operators' times, and this one among those that share it. */
  readonly timeStore: string
  readonly operator: number
  readonly retentionMs: number
  readonly onClose: boolean
}

/** Kafka Streams: KStreamWindowAggregate. Records without key or value are dropped, as are late ones per window. */
export function windowAggregate(plan: WindowAggregatePlan): ProcessorFactory {
  return (context, next) => new WindowAggregate(plan, context, next)
}

class WindowAggregate implements Processor {
  readonly #plan: WindowAggregatePlan
  readonly #store: KeyValueStore<unknown>
  readonly #times: KeyValueStore<number>
  readonly #streamTimeKey: string
  readonly #emittedKey: string
  readonly #rows: RowWriter
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor
  #expireAt = 0

  constructor(plan: WindowAggregatePlan, context: ProcessorContext, next: Processor) {
    assert(plan.state.store !== undefined, 'a windowed aggregate without a store')
    this.#plan = plan
    this.#store = context.keyValue(plan.state.store)
    this.#times = context.keyValue(plan.timeStore)
    this.#streamTimeKey = `${plan.operator}/stream-time`
    this.#emittedKey = `${plan.operator}/emitted-up-to`
    this.#rows = new RowWriter(this.#store, plan.state, plan.onClose ? fanOut([]) : next)
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    const { windows, fold, onClose } = this.#plan
    const { key, value, timestamp } = record
    if (key === null || value === null) return this.#task.drop(this.#node, 'null-key-or-value')
    this.#task.node = this.#node
    const streamTime = this.#advance(timestamp)
    const closedUpTo = streamTime - windows.graceMs
    for (let start = firstStart(windows, timestamp); start <= timestamp; start += windows.advanceMs) {
      if (start + windows.sizeMs > closedUpTo) this.#update(record, start, fold)
      else this.#task.drop(this.#node, 'late')
    }
    if (onClose) this.#emitClosed(record, closedUpTo)
    this.#expire(streamTime)
  }

  #advance(timestamp: number): number {
    const streamTime = this.#times.get(this.#streamTimeKey)?.value ?? -1
    if (timestamp <= streamTime) return streamTime
    this.#times.put(this.#streamTimeKey, timestamp, timestamp)
    return timestamp
  }

  #update(record: StreamRecord, start: number, fold: StreamFold): void {
    const key = record.key as Cell
    const windowKey = Cell.ofBytes(windowStoreKeyBytes(start, key.bytes), this.#plan.windowKey)
    const row = this.#store.get(windowKey.byteString)
    const value = fold(row?.value, record.value as Cell, key)
    const timestamp = row === undefined ? record.timestamp : Math.max(record.timestamp, row.timestamp)
    this.#rows.replace(record.withKey(windowKey), { old: row?.value ?? null, value }, timestamp)
    this.#task.node = this.#node
  }

  /** Once for every window that ends after the last emission and not after `closedUpTo`. */
  #emitClosed(record: StreamRecord, closedUpTo: number): void {
    const { windows, state, windowKey } = this.#plan
    const emittedUpTo = this.#times.get(this.#emittedKey)?.value ?? -1
    if (closedUpTo <= emittedUpTo || closedUpTo < windows.sizeMs) return
    this.#times.put(this.#emittedKey, closedUpTo, record.timestamp)
    const from = fromStart(emittedUpTo - windows.sizeMs + 1)
    const to = fromStart(closedUpTo - windows.sizeMs + 1)
    for (const [key, { value, timestamp }] of this.#store.range(from, to)) {
      const cell = Cell.ofBytes(Buffer.from(key, 'latin1'), windowKey)
      this.#next.process(
        new StreamRecord(cell, cellOf(value, state.value), null, timestamp, record.headers, true),
      )
    }
  }

  /** Now and then, so that its cost is spread over many records. */
  #expire(streamTime: number): void {
    const { windows, retentionMs } = this.#plan
    const keepFrom = streamTime - retentionMs + 1
    if (keepFrom < this.#expireAt) return
    this.#expireAt = keepFrom + windows.sizeMs
    const expired = Array.from(this.#store.range(undefined, fromStart(keepFrom)), ([key]) => key)
    for (const key of expired) this.#store.put(key, null, streamTime)
  }
}
