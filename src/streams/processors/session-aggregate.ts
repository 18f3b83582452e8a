import { assert } from '../../internal/assert.ts'
import { keyPart, readTimePart, TIME_LENGTH, timePart } from '../state/key-parts.ts'
import type { KeyValueStore } from '../state/store.ts'
import { Cell } from './cell.ts'
import type { FinalResults } from './final-results.ts'
import type { Aggregator, Initializer, Joiner, Reducer } from './functions.ts'
import { LateRecords } from './late-records.ts'
import type { RowWriter } from './materialised.ts'
import type { OperatorClock } from './operator-clock.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import { RowExpiry } from './row-expiry.ts'
import { indexPlaceOf, sessionStorePlace, type SessionTimes } from './session-key.ts'
import { StreamRecord } from './stream-record.ts'
import type { SessionWindows } from './windows.ts'
import { type WindowedPlan, windowedRows } from './windowed-rows.ts'
import { missing } from './drop-reason.ts'

/*
 * Algorithm: a record joins all sessions of its key that begin or end within the gap around it; those it joins go out
 * as deleted, and the merged session goes out with the record added (Kafka Streams: KStreamSessionWindowAggregate). A
 * merged session that closed before is left alone and the record is late.
 *
 * State: the sessions by end, start and key; an index of them by key and end, with their starts; and the operator's
 * times, as in tumbling-window-aggregate.ts.
 *
 * Correctness: sessions of one key are always more than the gap apart, so ends and starts are in the same order and
 * the ones to merge are one range of the index.
 */

/** How a session follows its records. */
export interface SessionFold {
  /** What sessions are merged into and the record is added to. */
  start(): unknown
  merge(a: unknown, b: unknown, key: Cell): unknown
  add(aggregate: unknown, value: Cell, key: Cell): unknown
}

export const sessionCount: SessionFold = {
  start: () => 0,
  merge: (a, b) => (a as number) + (b as number),
  add: aggregate => (aggregate as number) + 1,
}

export function sessionReduce(reducer: Reducer): SessionFold {
  return {
    start: () => null,
    merge: (a, b) => (a === null ? b : reducer(a, b)),
    add: (aggregate, value) => (aggregate === null ? value.value : reducer(aggregate, value.value)),
  }
}

/** The merger gets the aggregates of two sessions of the key. */
export function sessionAggregate(
  initializer: Initializer,
  aggregator: Aggregator,
  merger: Joiner,
): SessionFold {
  return {
    start: initializer,
    merge: (a, b, key) => merger(a, b, key.value),
    add: (aggregate, value, key) => aggregator(aggregate, value.value, key.value),
  }
}

export interface SessionAggregatePlan extends WindowedPlan {
  readonly windows: SessionWindows
  readonly fold: SessionFold
  /** The index by key. */
  readonly indexStore: string
}

export function sessionWindowAggregate(plan: SessionAggregatePlan): ProcessorFactory {
  return (context, next) => new SessionAggregate(plan, context, next)
}

interface Session extends SessionTimes {
  readonly cell: Cell
  readonly value: unknown
}

class SessionAggregate implements Processor {
  readonly #plan: SessionAggregatePlan
  readonly #store: KeyValueStore<unknown>
  readonly #index: KeyValueStore<number>
  readonly #clock: OperatorClock
  readonly #rows: RowWriter
  readonly #results: Pick<FinalResults, 'emit'>
  readonly #expiry: RowExpiry
  readonly #late: LateRecords
  readonly #node: string
  readonly #task: TaskContext

  constructor(plan: SessionAggregatePlan, context: ProcessorContext, next: Processor) {
    const { retentionMs, windows } = plan
    const { store, clock, rows, results } = windowedRows(plan, context, next)
    this.#plan = plan
    this.#store = store
    this.#index = context.keyValue(plan.indexStore)
    this.#clock = clock
    this.#rows = rows
    this.#results = results
    this.#expiry = new RowExpiry(store, { retentionMs, everyMs: windows.gapMs }, (key, timestamp) =>
      this.#index.put(indexPlaceOf(key), null, timestamp),
    )
    this.#late = new LateRecords(context)
    this.#node = context.node
    this.#task = context.task
  }

  process(record: StreamRecord): void {
    if (record.key === null || record.value === null) return this.#task.drop(this.#node, missing(record))
    this.#task.node = this.#node
    const { graceMs, gapMs } = this.#plan.windows
    this.#clock.advance(record.timestamp)
    const closedBelow = this.#clock.streamTime - graceMs - gapMs
    this.#add(record, closedBelow)
    this.#results.emit(record, closedBelow)
    this.#expiry.expire(this.#clock)
  }

  #add(record: StreamRecord, closedBelow: number): void {
    const { fold } = this.#plan
    const key = record.key as Cell
    const sessions = this.#sessionsAround(key, record.timestamp)
    let start = record.timestamp
    let end = record.timestamp
    for (const session of sessions) {
      if (session.start < start) start = session.start
      if (session.end > end) end = session.end
    }
    if (end < closedBelow) return this.#late.drop(record, { start, end, streamTime: this.#clock.streamTime })
    let aggregate = fold.start()
    for (const session of sessions) aggregate = fold.merge(aggregate, session.value, key)
    const unchanged = sessions.find(session => session.start === start && session.end === end)
    for (const session of sessions) {
      if (session !== unchanged) this.#replace(record, session, session.value, null)
    }
    this.#task.node = this.#node
    const value = fold.add(aggregate, record.value as Cell, key)
    const merged = { start, end, cell: this.#cell({ start, end }, key) }
    this.#replace(record, merged, unchanged?.value ?? null, value)
  }

  /** Those of the key that are at most the gap away, in order; none beyond the retention, removed already or not. */
  #sessionsAround(key: Cell, timestamp: number): Session[] {
    const { windows, retentionMs } = this.#plan
    const { gapMs } = windows
    const keptFrom = this.#clock.streamTime - retentionMs + 1
    const part = keyPart(key.byteString)
    const from = part + timePart(Math.max(timestamp - gapMs, keptFrom))
    const to = part + timePart(Number.MAX_SAFE_INTEGER)
    const sessions: Session[] = []
    for (const [place, { value: start }] of this.#index.range(from, to)) {
      if (start > timestamp + gapMs) break
      const end = readTimePart(place, place.length - TIME_LENGTH)
      const cell = this.#cell({ start, end }, key)
      const row = this.#store.get(cell.byteString)
      assert(row !== undefined, 'a session of the index that the store does not have')
      sessions.push({ start, end, cell, value: row.value })
    }
    return sessions
  }

  #replace(record: StreamRecord, session: SessionTimes & { cell: Cell }, old: unknown, value: unknown): void {
    const { start, end, cell } = session
    const gone = value === null || value === undefined
    const place = keyPart((record.key as Cell).byteString) + timePart(end)
    this.#index.put(place, gone ? null : start, end)
    const change = new StreamRecord(cell, record.value, null, end, record.headers, record.isLatest)
    this.#rows.replace(change, { old, value }, end)
  }

  #cell(times: SessionTimes, key: Cell): Cell {
    return Cell.ofByteString(sessionStorePlace(times, key.byteString), this.#plan.windowKey)
  }
}
