import type { Codec } from '../../contracts/codec.ts'
import type { Alarm } from './punctuation.ts'
import { readTimePart, TIME_LENGTH, timePart } from '../state/key-parts.ts'
import type { ByteString } from '../state/byte-store.ts'
import type { KeyValueStore, StoredValue } from '../state/store.ts'
import { Cell, cellOf } from './cell.ts'
import type { TableState } from './materialised.ts'
import { OperatorClock } from './operator-clock.ts'
import type { PunctuationTime } from './process-context.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import { StreamRecord } from './stream-record.ts'

/*
 * Algorithm: wraps an operator that keeps one row per key. Before it takes a record, rows whose timestamp is ttlMs or
 * more behind stream time, as this operator has seen it, are deleted, and their deletions go on as the table's
 * changes; a record whose own row would be deleted at once is dropped. With the wall clock, that moves time on too.
 *
 * State: an index of keys by time; a lower bound of the times in it, so that the index is read only where time has moved
 * on; and the operator's time.
 *
 * Correctness: every row has an entry at its timestamp or before, since one is made when a row appears or its timestamp
 * moves back. An entry that is due and finds its row younger moves on to the row's timestamp: updates cost nothing in
 * the index, each row about one move per ttlMs. All of it follows from the rows and from time as it is stored, so that
 * a restored operator deletes the same rows at the same records. Rows that were there before there was an index get
 * their entries at the first record.
 */

export interface ExpiryPlan {
  readonly ttlMs: number
  /** `wall`: the wall clock moves time on as well. */
  readonly time: PunctuationTime
  /** The row's timestamp is the greatest of its records; otherwise that of the last one. */
  readonly keepsGreatestTime: boolean
  readonly key: Codec<unknown>
  readonly state: TableState
  readonly byTime: string
  readonly times: string
}

const RETRY_MS = 1_000
const EARLIEST = 'earliest'
/** Of an empty index. */
const NEVER = Number.MAX_SAFE_INTEGER

export function expiringRows(plan: ExpiryPlan, create: ProcessorFactory): ProcessorFactory {
  return (context, next, children) =>
    new ExpiringRows(plan, create(context, next, children), { context, next })
}

class ExpiringRows implements Processor {
  readonly #plan: ExpiryPlan
  readonly #inner: Processor
  readonly #rows: KeyValueStore<unknown>
  readonly #byTime: KeyValueStore<number>
  readonly #times: KeyValueStore<number>
  readonly #clock: OperatorClock
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor
  /** Only with the wall clock. A record may only set it earlier: it may still fail. */
  readonly #alarm: Alarm | undefined
  #alarmAt = Infinity

  constructor(
    plan: ExpiryPlan,
    inner: Processor,
    { context, next }: { readonly context: ProcessorContext; readonly next: Processor },
  ) {
    this.#plan = plan
    this.#inner = inner
    this.#rows = context.keyValue(plan.state.store as string)
    this.#byTime = context.keyValue(plan.byTime)
    this.#times = context.keyValue(plan.times)
    this.#clock = new OperatorClock(this.#times, 0)
    this.#node = context.node
    this.#task = context.task
    this.#next = next
    if (plan.time === 'stream') return
    this.#alarm = context.task.alarm(context.node, 'wall', nowMs => this.#ring(nowMs))
    this.#setAlarm(0)
  }

  process(record: StreamRecord): void {
    const { key, value, timestamp } = record
    if (key === null) return this.#inner.process(record)
    this.#moveOn(this.#alarm === undefined ? timestamp : Math.max(timestamp, this.#task.nowMs()))
    const before = this.#rows.get(key.byteString)
    if (value !== null && this.#isDue(this.#timeOf(timestamp, before))) {
      return this.#task.drop(this.#node, 'expired')
    }
    this.#inner.process(record)
    const after = this.#rows.get(key.byteString)
    if (after === undefined) return
    if (before === undefined || after.timestamp < before.timestamp)
      this.#enter(key.byteString, after.timestamp)
  }

  /** By the wall clock; writes nothing unless a row may be due. */
  #ring(nowMs: number): void {
    // Should this fail under an error policy that goes on, it is tried again.
    this.#setAlarm(nowMs + RETRY_MS)
    if (this.#dueAt() <= nowMs) this.#moveOn(nowMs)
    this.#setAlarm(this.#dueAt())
  }

  /** No row is due before. */
  #dueAt(): number {
    const earliest = this.#times.get(EARLIEST)?.value
    return earliest === undefined ? 0 : earliest + this.#plan.ttlMs
  }

  #setAlarm(atMs: number): void {
    this.#alarmAt = atMs
    this.#alarm?.set(atMs)
  }

  #timeOf(timestamp: number, before: StoredValue<unknown> | undefined): number {
    return before !== undefined && this.#plan.keepsGreatestTime
      ? Math.max(timestamp, before.timestamp)
      : timestamp
  }

  #isDue(timestamp: number): boolean {
    return timestamp + this.#plan.ttlMs <= this.#clock.streamTime
  }

  #moveOn(timeMs: number): void {
    this.#clock.advance(timeMs)
    const earliest = this.#times.get(EARLIEST)?.value
    if (earliest === undefined) this.#enterAll()
    if (!this.#isDue(earliest ?? 0)) return
    const { streamTime } = this.#clock
    const end = streamTime - this.#plan.ttlMs + 1
    // From the bound on: what this commit removed below it would be walked over each time.
    const due = Array.from(this.#byTime.range(timePart(earliest ?? 0), timePart(end)), ([entry]) => entry)
    for (const entry of due) {
      this.#byTime.put(entry, null, streamTime)
      const key = entry.slice(TIME_LENGTH)
      const row = this.#rows.get(key)
      if (row === undefined) continue
      if (this.#isDue(row.timestamp)) this.#delete(key, row)
      else this.#byTime.put(timePart(row.timestamp) + key, 1, streamTime)
    }
    let first = NEVER
    for (const [entry] of this.#byTime.range(timePart(end))) {
      first = readTimePart(entry, 0)
      break
    }
    this.#times.put(EARLIEST, first, streamTime)
  }

  #delete(key: ByteString, { value, timestamp }: StoredValue<unknown>): void {
    const { state, key: codec, ttlMs } = this.#plan
    const deletedAt = timestamp + ttlMs
    this.#rows.put(key, null, deletedAt)
    const old = state.sendOldValues ? cellOf(value, state.value) : null
    const cell = Cell.ofBytes(Buffer.from(key, 'latin1'), codec)
    this.#next.process(new StreamRecord(cell, null, old, deletedAt, [], true))
  }

  #enter(key: ByteString, timestamp: number): void {
    this.#byTime.put(timePart(timestamp) + key, 1, timestamp)
    const earliest = this.#times.get(EARLIEST)?.value ?? 0
    if (timestamp < earliest) this.#times.put(EARLIEST, timestamp, timestamp)
    const dueAt = timestamp + this.#plan.ttlMs
    if (this.#alarm !== undefined && dueAt < this.#alarmAt) this.#setAlarm(dueAt)
  }

  #enterAll(): void {
    const { streamTime } = this.#clock
    for (const [key, { timestamp }] of this.#rows.range()) {
      this.#byTime.put(timePart(timestamp) + key, 1, streamTime)
    }
    this.#times.put(EARLIEST, 0, streamTime)
  }
}
