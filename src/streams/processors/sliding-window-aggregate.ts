import { assert } from '../../internal/assert.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { KeyValueStore, StoredValue } from '../state/store.ts'
import { Cell } from './cell.ts'
import type { FinalResults } from './final-results.ts'
import { LateRecords } from './late-records.ts'
import type { RowWriter } from './materialised.ts'
import type { OperatorClock } from './operator-clock.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import { RowExpiry } from './row-expiry.ts'
import type { StreamRecord } from './stream-record.ts'
import type { WindowFold } from './window-fold.ts'
import { keyIndexPlace, readTime, TIME_BYTES, timeOfPlace, windowStoreKeyBytes } from './windowed-key.ts'
import type { SlidingWindows } from './windows.ts'
import { type WindowedPlan, windowedRows } from './windowed-rows.ts'
import { missing } from './drop-reason.ts'

/*
 * Algorithm (KIP-450; d is the time difference): a record at t gives its key two windows, the left one [t − d, t] and,
 * as soon as a record is in it, the right one [t + 1, t + 1 + d]; and it updates every window that covers t. One walk
 * over the key's windows that start between t − 2d and t + 1, latest first, finds all that there is to know: the
 * windows to update; the latest window before t's left one, whose row is what the left one begins with if its
 * last record is still in reach, and whose last record's right window may now have become necessary; and the earliest
 * view of what comes after t, which t's right window begins with. A row's timestamp is that of the last record in it.
 * Times before d have no left window of their own: their records share [0, d].
 *
 * State: one row per key and window, ordered by window start; an index of the windows by key and start, since the
 * walk is per key; and the operator's times, as in tumbling-window-aggregate.ts.
 *
 * Correctness: between the windows of two neighbouring records of a key, a window of length d that is moved along holds
 * the same records, so left and right windows are all that differ. A window that does not exist yet holds exactly
 * the records of an existing one without those that fell out on its left; since every record starts a window right
 * behind itself, the nearest existing window starts behind all that fell out. Whatever a walk needs starts at or above
 * streamTime − grace − 3d: `slidingRetentionMs` keeps it.
 */

export interface SlidingAggregatePlan extends WindowedPlan {
  readonly windows: SlidingWindows
  readonly fold: WindowFold
  /** The index by key. */
  readonly indexStore: string
}

/** Kafka Streams: KStreamSlidingWindowAggregate. */
export function slidingWindowAggregate(plan: SlidingAggregatePlan): ProcessorFactory {
  return (context, next) => new SlidingWindowAggregate(plan, context, next)
}

export function slidingRetentionMs({ timeDifferenceMs, graceMs }: SlidingWindows): number {
  return 3 * timeDifferenceMs + graceMs + 1
}

type Row = StoredValue<unknown>

class SlidingWindowAggregate implements Processor {
  readonly #plan: SlidingAggregatePlan
  readonly #store: KeyValueStore<unknown>
  readonly #index: KeyValueStore<number>
  readonly #clock: OperatorClock
  readonly #rows: RowWriter
  readonly #results: Pick<FinalResults, 'emit'>
  readonly #expiry: RowExpiry
  readonly #late: LateRecords
  readonly #node: string
  readonly #task: TaskContext

  constructor(plan: SlidingAggregatePlan, context: ProcessorContext, next: Processor) {
    const { retentionMs, windows } = plan
    const { store, clock, rows, results } = windowedRows(plan, context, next)
    this.#plan = plan
    this.#store = store
    this.#index = context.keyValue(plan.indexStore)
    this.#clock = clock
    this.#rows = rows
    this.#results = results
    const everyMs = Math.max(1, windows.timeDifferenceMs)
    this.#expiry = new RowExpiry(store, { retentionMs, everyMs }, (storeKey, timestamp) => {
      const bytes = Buffer.from(storeKey, 'latin1')
      const place = keyIndexPlace(bytes.subarray(TIME_BYTES), readTime(bytes, 0))
      this.#index.put(latin1Slice(place), null, timestamp)
    })
    this.#late = new LateRecords(context)
    this.#node = context.node
    this.#task = context.task
  }

  process(record: StreamRecord): void {
    if (record.key === null || record.value === null) return this.#task.drop(this.#node, missing(record))
    this.#task.node = this.#node
    const { timeDifferenceMs, graceMs } = this.#plan.windows
    this.#clock.advance(record.timestamp)
    const closedBelow = this.#clock.streamTime - graceMs
    if (record.timestamp + timeDifferenceMs < closedBelow) return this.#missed(record, record.timestamp)
    if (record.timestamp < timeDifferenceMs) this.#addEarly(record)
    else this.#add(record)
    this.#results.emit(record, closedBelow - timeDifferenceMs)
    this.#expiry.expire(this.#clock)
  }

  #add(record: StreamRecord): void {
    const { timestamp } = record
    const { timeDifferenceMs } = this.#plan.windows
    const starts = new Set<number>()
    let before: Row | undefined
    let previous: number | undefined
    let after: Row | undefined
    let hasLeft = false
    for (const [start, row] of this.#windows(record, timestamp - 2 * timeDifferenceMs, true)) {
      starts.add(start)
      if (start > timestamp) continue
      const end = start + timeDifferenceMs
      if (end < timestamp) {
        before = row
        previous = row.timestamp
        break
      }
      this.#update(record, start, row)
      if (end > timestamp) {
        after ??= row
      } else {
        // Where the left window ends in a record, that record has made all windows that this one would make.
        if (row.timestamp === timestamp) return
        hasLeft = true
        previous = row.timestamp
      }
    }
    const left = timestamp - timeDifferenceMs
    // A record that is out of reach fell out of the left window, which is then empty, and has no right one up to here.
    if (previous !== undefined && previous < left) before = undefined
    else if (previous !== undefined && !starts.has(previous + 1))
      this.#update(record, previous + 1, undefined)
    if (!hasLeft) this.#create(record, left, before)
    this.#copyToRight(record, starts, after)
  }

  /** Of a record before d: all such share the window [0, d]. */
  #addEarly(record: StreamRecord): void {
    const { timestamp } = record
    const starts = new Set<number>()
    let shared: Row | undefined
    let after: Row | undefined
    for (const [start, row] of this.#windows(record, 0, false)) {
      starts.add(start)
      if (start === 0) shared = row
      else if (start <= timestamp) {
        after = row
        this.#update(record, start, row)
      }
    }
    // No window between it and the record: nothing in it came before the record.
    after ??= shared
    this.#copyToRight(record, starts, after)
    if (shared !== undefined && shared.timestamp < timestamp && !starts.has(shared.timestamp + 1)) {
      this.#update(record, shared.timestamp + 1, undefined)
    }
    this.#update(record, 0, shared)
  }

  /** Those of the key that start from `from` up to right behind the record. */
  *#windows({ key, timestamp }: StreamRecord, from: number, reverse: boolean): Generator<[number, Row]> {
    const { bytes } = key as Cell
    const first = latin1Slice(keyIndexPlace(bytes, from))
    const end = latin1Slice(keyIndexPlace(bytes, timestamp + 2))
    for (const [place] of this.#index.range(first, end, { reverse })) {
      const start = timeOfPlace(place)
      const row = this.#store.get(latin1Slice(windowStoreKeyBytes(start, bytes)))
      assert(row !== undefined, 'a window of the index that the store does not have')
      yield [start, row]
    }
  }

  /** The record's right window, if something is in it: what comes after the record. */
  #copyToRight(record: StreamRecord, starts: ReadonlySet<number>, after: Row | undefined): void {
    const start = record.timestamp + 1
    if (after === undefined || after.timestamp <= record.timestamp || starts.has(start)) return
    this.#put(record, start, { old: null, value: after.value }, after.timestamp)
  }

  /** Adds the record to a window, which may not exist yet. */
  #update(record: StreamRecord, start: number, row: Row | undefined): void {
    const value = this.#folded(record, start, row)
    if (value === undefined) return
    const timestamp = row === undefined ? record.timestamp : Math.max(record.timestamp, row.timestamp)
    this.#put(record, start, { old: row?.value ?? null, value }, timestamp)
  }

  /** A new window that begins with what another one holds. */
  #create(record: StreamRecord, start: number, from: Row | undefined): void {
    const value = this.#folded(record, start, from)
    if (value !== undefined) this.#put(record, start, { old: null, value }, record.timestamp)
  }

  /** Undefined when the window has closed. */
  #folded(record: StreamRecord, start: number, row: Row | undefined): unknown {
    const { windows, fold } = this.#plan
    if (start + windows.timeDifferenceMs >= this.#clock.streamTime - windows.graceMs) {
      return fold(row?.value, record.value as Cell, record.key as Cell) ?? null
    }
    this.#missed(record, start)
    return undefined
  }

  #missed(record: StreamRecord, start: number): void {
    const end = start + this.#plan.windows.timeDifferenceMs
    this.#late.drop(record, { start, end, streamTime: this.#clock.streamTime })
  }

  #put(
    record: StreamRecord,
    start: number,
    change: { old: unknown; value: unknown },
    timestamp: number,
  ): void {
    const { bytes } = record.key as Cell
    const gone = change.value === null
    if (gone || change.old === null) {
      this.#index.put(latin1Slice(keyIndexPlace(bytes, start)), gone ? null : timestamp, timestamp)
    }
    const cell = Cell.ofBytes(windowStoreKeyBytes(start, bytes), this.#plan.windowKey)
    this.#rows.replace(record.withKey(cell), change, timestamp)
    this.#task.node = this.#node
  }
}
