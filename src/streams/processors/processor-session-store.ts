import type { Codec } from '../../contracts/codec.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { ByteString } from '../state/byte-store.ts'
import { keyPart, readTimePart, TIME_LENGTH, timePart } from '../state/key-parts.ts'
import type { KeyValueStore, StoredValue } from '../state/store.ts'
import { boundsRange, type KeyBounds } from './byte-range.ts'
import { OperatorClock } from './operator-clock.ts'
import type { ProcessorContext } from './processor.ts'
import { expiryIntervalOf, indexStoreOf, timeStoreOf } from './processor-window-store.ts'
import { RowExpiry } from './row-expiry.ts'
import type { WriteTime } from './store-declaration.ts'
import { assertTime, type TimeRange, timeBounds } from './time-range.ts'
import type { Windowed } from './windowed-key.ts'

/**
 * Values by key, start and end of a session (Kafka Streams: SessionStore). Sessions that ended `retentionMs` or more
 * before the greatest end that was put are gone: they are not found, and a put is dropped and counted as expired.
 * Scans leave out what was removed since they began.
 */
export interface SessionStore<K, V> {
  readonly name: string
  /** null removes. `timestamp` is by default the current record's, or the punctuation's. */
  put(session: Windowed<K>, value: V | null, timestamp?: number): void
  remove(session: Windowed<K>): void
  fetchSession(key: K, startMs: number, endMs: number): V | undefined
  /** The value with the timestamp that it was put with. */
  fetchRow(session: Windowed<K>): StoredValue<V> | undefined
  /** The sessions of a key, or of them those that may meet a time: in order of end, then of start. */
  findSessions(key: K, range?: SessionRange): Iterable<readonly [Windowed<K>, V]>
  /** The sessions of all keys, or of those between two, that end in the range: in order of end, then of start. */
  fetchAll(range?: TimeRange & KeyBounds<K>): Iterable<readonly [Windowed<K>, V]>
}

export interface SessionRange {
  /** Sessions that end then or later. Default: the beginning of what is kept. */
  readonly earliestEndMs?: number
  /** Sessions that start then or before. Default: all. */
  readonly latestStartMs?: number
  /** Latest end first. */
  readonly reverse?: boolean
}

export interface SessionStorePlan<K> {
  readonly name: string
  readonly key: Codec<K>
  readonly retentionMs: number
}

/**
 * State: the rows by end, start and key, as in session-key.ts; an index of them by key, end and start; and the
 * greatest end. Unlike those of an aggregate, sessions of one key may overlap, and end together.
 */
export class TypedSessionStore<K, V> implements SessionStore<K, V> {
  readonly name: string
  readonly #plan: SessionStorePlan<K>
  readonly #rows: KeyValueStore<V>
  readonly #index: KeyValueStore<number>
  readonly #clock: OperatorClock
  readonly #expiry: RowExpiry
  readonly #context: ProcessorContext
  readonly #time: WriteTime

  constructor(plan: SessionStorePlan<K>, context: ProcessorContext, time: WriteTime) {
    const { name, retentionMs } = plan
    this.name = name
    this.#plan = plan
    this.#rows = context.keyValue(name)
    this.#index = context.keyValue(indexStoreOf(name))
    this.#clock = new OperatorClock(context.keyValue(timeStoreOf(name)), 0)
    const expiry = { retentionMs, everyMs: expiryIntervalOf(retentionMs) }
    this.#expiry = new RowExpiry(this.#rows, expiry, (rowKey, timestamp) =>
      this.#index.put(keyPart(rowKey.slice(TIMES_LENGTH)) + rowKey.slice(0, TIMES_LENGTH), null, timestamp),
    )
    this.#context = context
    this.#time = time
  }

  put(session: Windowed<K>, value: V | null, timestamp?: number): void {
    const { start, end } = session
    const now = this.#time.timestamp
    assertTime(this.name, start)
    assertTime(this.name, end)
    this.#clock.advance(end)
    if (end < this.#keptFrom()) {
      const { task, node } = this.#context
      return task.drop(node, 'expired')
    }
    this.#write(session, value ?? null, timestamp ?? now)
    this.#expiry.expire(this.#clock)
  }

  remove(session: Windowed<K>): void {
    this.#write(session, null, this.#time.timestamp)
  }

  fetchSession(key: K, startMs: number, endMs: number): V | undefined {
    return this.fetchRow({ key, start: startMs, end: endMs })?.value
  }

  fetchRow({ key, start, end }: Windowed<K>): StoredValue<V> | undefined {
    if (end < this.#keptFrom()) return undefined
    return this.#rows.get(timePart(end) + timePart(start) + this.#bytesOf(key))
  }

  *findSessions(
    key: K,
    { earliestEndMs = 0, latestStartMs = Infinity, reverse = false }: SessionRange = {},
  ): Iterable<readonly [Windowed<K>, V]> {
    const ends = timeBounds({ fromMs: earliestEndMs }, this.#keptFrom())
    if (ends === undefined) return
    const bytes = this.#bytesOf(key)
    const part = keyPart(bytes)
    const places = this.#index.range(part + timePart(ends.from), part + timePart(ends.to + 1), { reverse })
    for (const [place, { value: start }] of places) {
      if (start > latestStartMs) continue
      const row = this.#rows.get(place.slice(part.length) + bytes)
      if (row !== undefined) yield [{ key, start, end: readTimePart(place, part.length) }, row.value]
    }
  }

  *fetchAll(range: TimeRange & KeyBounds<K> = {}): Iterable<readonly [Windowed<K>, V]> {
    const ends = timeBounds(range, this.#keptFrom())
    const keys = boundsRange(this.name, this.#plan.key, range)
    if (ends === undefined) return
    const rows = this.#rows.range(timePart(ends.from), timePart(ends.to + 1), {
      reverse: range.reverse === true,
    })
    for (const [rowKey, { value }] of rows) {
      const bytes = rowKey.slice(TIMES_LENGTH)
      if (keys.from !== undefined && bytes < keys.from) continue
      if (keys.to !== undefined && bytes >= keys.to) continue
      const key = this.#plan.key.decode(Buffer.from(bytes, 'latin1'))
      yield [{ key, start: readTimePart(rowKey, TIME_LENGTH), end: readTimePart(rowKey, 0) }, value]
    }
  }

  #write({ key, start, end }: Windowed<K>, value: V | null, timestamp: number): void {
    const bytes = this.#bytesOf(key)
    const times = timePart(end) + timePart(start)
    this.#rows.put(times + bytes, value, timestamp)
    this.#index.put(keyPart(bytes) + times, value === null ? null : start, timestamp)
  }

  #keptFrom(): number {
    return Math.max(0, this.#clock.now() - this.#plan.retentionMs + 1)
  }

  #bytesOf(key: K): ByteString {
    return latin1Slice(this.#plan.key.encode(key))
  }
}

const TIMES_LENGTH = 2 * TIME_LENGTH
