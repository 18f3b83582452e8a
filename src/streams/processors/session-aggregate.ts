import type { Codec } from '../../contracts/codec.ts'
import { assert } from '../../internal/assert.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { KeyValueStore } from '../state/store.ts'
import { Cell, cellOf } from './cell.ts'
import { fanOut } from './fan-out.ts'
import type { Aggregator, Initializer, Joiner, Reducer } from './functions.ts'
import { RowWriter, type TableState } from './materialised.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import {
  endOfIndexKey,
  indexKeyOf,
  sessionIndexKey,
  sessionStoreKeyBytes,
  type SessionTimes,
} from './session-key.ts'
import { StreamRecord } from './stream-record.ts'
import { fromStart } from './windowed-key.ts'
import type { SessionWindows } from './windows.ts'

/*
 * Algorithm: a record joins all sessions of its key that begin or end within the gap around it; those it joins go out
 * as deleted, and the merged session goes out with the record added (Kafka Streams: KStreamSessionWindowAggregate). A
 * merged session that closed before is left alone and the record is late.
 *
 * State: the sessions by end, start and key; an index of them by key and end, with their starts; and the operator's
 * times, as in window-aggregate.ts.
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

export interface SessionAggregatePlan {
  readonly windows: SessionWindows
  readonly fold: SessionFold
  readonly state: TableState
  readonly sessionKey: Codec<unknown>
  /** The index by key. */
  readonly indexStore: string
  readonly timeStore: string
  readonly operator: number
  readonly retentionMs: number
  readonly onClose: boolean
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
  readonly #times: KeyValueStore<number>
  readonly #streamTimeKey: string
  readonly #emittedKey: string
  readonly #rows: RowWriter
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor
  #expireAt = 0

  constructor(plan: SessionAggregatePlan, context: ProcessorContext, next: Processor) {
    assert(plan.state.store !== undefined, 'a session aggregate without a store')
    this.#plan = plan
    this.#store = context.keyValue(plan.state.store)
    this.#index = context.keyValue(plan.indexStore)
    this.#times = context.keyValue(plan.timeStore)
    this.#streamTimeKey = `${plan.operator}/stream-time`
    this.#emittedKey = `${plan.operator}/emitted-up-to`
    this.#rows = new RowWriter(this.#store, plan.state, plan.onClose ? fanOut([]) : next)
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    if (record.key === null || record.value === null) return this.#task.drop(this.#node, 'null-key-or-value')
    this.#task.node = this.#node
    const { windows, onClose } = this.#plan
    const streamTime = this.#advance(record.timestamp)
    const closedBelow = streamTime - windows.graceMs - windows.gapMs
    this.#add(record, closedBelow)
    if (onClose) this.#emitClosed(record, closedBelow)
    this.#expire(streamTime)
  }

  #advance(timestamp: number): number {
    const streamTime = this.#times.get(this.#streamTimeKey)?.value ?? -1
    if (timestamp <= streamTime) return streamTime
    this.#times.put(this.#streamTimeKey, timestamp, timestamp)
    return timestamp
  }

  #add(record: StreamRecord, closedBelow: number): void {
    const { fold } = this.#plan
    const key = record.key as Cell
    const sessions = this.#sessionsAround(key, record.timestamp)
    const start = Math.min(record.timestamp, ...sessions.map(session => session.start))
    const end = Math.max(record.timestamp, ...sessions.map(session => session.end))
    if (end < closedBelow) return this.#task.drop(this.#node, 'late')
    let aggregate = fold.start()
    for (const session of sessions) aggregate = fold.merge(aggregate, session.value, key)
    const unchanged = sessions.find(session => session.start === start && session.end === end)
    for (const session of sessions) {
      if (session !== unchanged) this.#replace(record, session, session.value, null)
    }
    this.#task.node = this.#node
    const value = fold.add(aggregate, record.value as Cell, key)
    const merged = { start, end, cell: this.#cell({ start, end }, key.bytes) }
    this.#replace(record, merged, unchanged?.value ?? null, value)
  }

  /** Those of the key that are at most the gap away, in order. */
  #sessionsAround(key: Cell, timestamp: number): Session[] {
    const { gapMs } = this.#plan.windows
    const from = latin1Slice(sessionIndexKey(key.bytes, timestamp - gapMs))
    const to = latin1Slice(sessionIndexKey(key.bytes, Number.MAX_SAFE_INTEGER))
    const sessions: Session[] = []
    for (const [place, { value: start }] of this.#index.range(from, to)) {
      if (start > timestamp + gapMs) break
      const end = endOfIndexKey(Buffer.from(place, 'latin1'))
      const cell = this.#cell({ start, end }, key.bytes)
      const row = this.#store.get(cell.byteString)
      assert(row !== undefined, 'a session of the index that the store does not have')
      sessions.push({ start, end, cell, value: row.value })
    }
    return sessions
  }

  #replace(record: StreamRecord, session: SessionTimes & { cell: Cell }, old: unknown, value: unknown): void {
    const { start, end, cell } = session
    const gone = value === null || value === undefined
    const place = latin1Slice(sessionIndexKey((record.key as Cell).bytes, end))
    this.#index.put(place, gone ? null : start, end)
    this.#rows.replace(record.withKey(cell), { old, value }, end)
  }

  #cell(times: SessionTimes, key: Buffer): Cell {
    return Cell.ofBytes(sessionStoreKeyBytes(times, key), this.#plan.sessionKey)
  }

  /** Once for every session that ends from the last emission on and before `closedBelow`. */
  #emitClosed(record: StreamRecord, closedBelow: number): void {
    const emittedBelow = this.#times.get(this.#emittedKey)?.value ?? 0
    if (closedBelow <= emittedBelow) return
    this.#times.put(this.#emittedKey, closedBelow, record.timestamp)
    const { sessionKey, state } = this.#plan
    for (const [key, { value, timestamp }] of this.#store.range(
      fromStart(emittedBelow),
      fromStart(closedBelow),
    )) {
      const cell = Cell.ofBytes(Buffer.from(key, 'latin1'), sessionKey)
      this.#next.process(
        new StreamRecord(cell, cellOf(value, state.value), null, timestamp, record.headers, true),
      )
    }
  }

  #expire(streamTime: number): void {
    const { windows, retentionMs } = this.#plan
    const keepFrom = streamTime - retentionMs + 1
    if (keepFrom < this.#expireAt) return
    this.#expireAt = keepFrom + windows.gapMs
    const expired = Array.from(this.#store.range(undefined, fromStart(keepFrom)), ([key]) => key)
    for (const key of expired) {
      this.#index.put(latin1Slice(indexKeyOf(Buffer.from(key, 'latin1'))), null, streamTime)
      this.#store.put(key, null, streamTime)
    }
  }
}
