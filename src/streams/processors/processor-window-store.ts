import type { Codec } from '../../contracts/codec.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { ByteString } from '../state/byte-store.ts'
import { keyPart, readTimePart, TIME_LENGTH, timePart } from '../state/key-parts.ts'
import type { KeyValueStore, StoredValue } from '../state/store.ts'
import { boundsRange, type KeyBounds } from './byte-range.ts'
import { OperatorClock } from './operator-clock.ts'
import type { ProcessorContext } from './processor.ts'
import { RowExpiry } from './row-expiry.ts'
import type { WriteTime } from './store-declaration.ts'
import { assertTime, type TimeRange, timeBounds } from './time-range.ts'
import type { Windowed } from './windowed-key.ts'

/**
 * Values by key and start of a window (Kafka Streams: WindowStore). Windows whose start is `retentionMs` or more behind
 * the greatest start that was put are gone: they are not found, and a put is dropped and counted as expired. Scans
 * leave out what was deleted since they began.
 */
export interface WindowStore<K, V> {
  readonly name: string
  /** null deletes. `timestamp` is by default the current record's, or the punctuation's. */
  put(key: K, value: V | null, startMs: number, timestamp?: number): void
  /** The value of the window that starts then; with `retainDuplicates` the first one that was put. */
  fetch(key: K, startMs: number): V | undefined
  /** The windows of a key that start in the range, in order of time. */
  fetch(key: K, range: TimeRange): Iterable<readonly [Windowed<K>, V]>
  /** The value with the timestamp that it was put with. */
  fetchRow(key: K, startMs: number): StoredValue<V> | undefined
  /** The windows of all keys, or of those between two, that start in the range: in order of time, then of key bytes. */
  fetchAll(range?: TimeRange & KeyBounds<K>): Iterable<readonly [Windowed<K>, V]>
}

export interface WindowStorePlan<K> {
  readonly name: string
  readonly key: Codec<K>
  readonly sizeMs: number
  readonly retentionMs: number
  readonly retainDuplicates: boolean
}

/** The stores beside the rows. */
export function indexStoreOf(name: string): string {
  return `${name}-by-key`
}

export function timeStoreOf(name: string): string {
  return `${name}-times`
}

/** How often expired rows are looked for, by stream time. */
export function expiryIntervalOf(retentionMs: number): number {
  return Math.floor(retentionMs / 4) + 1
}

/**
 * State: the rows by start and key, and an index of them by key and start, both as in sliding-window-aggregate.ts; and
 * the greatest start. With duplicates both keys end with a number, in the order of the puts.
 */
export class TypedWindowStore<K, V> implements WindowStore<K, V> {
  readonly name: string
  readonly #plan: WindowStorePlan<K>
  readonly #rows: KeyValueStore<V>
  readonly #index: KeyValueStore<number>
  readonly #clock: OperatorClock
  readonly #expiry: RowExpiry
  readonly #context: ProcessorContext
  readonly #time: WriteTime
  readonly #numberLength: number

  constructor(plan: WindowStorePlan<K>, context: ProcessorContext, time: WriteTime) {
    const { name, retentionMs, retainDuplicates } = plan
    this.name = name
    this.#plan = plan
    this.#rows = context.keyValue(name)
    this.#index = context.keyValue(indexStoreOf(name))
    this.#clock = new OperatorClock(context.keyValue(timeStoreOf(name)), 0)
    this.#numberLength = retainDuplicates ? NUMBER_LENGTH : 0
    const expiry = { retentionMs, everyMs: expiryIntervalOf(retentionMs) }
    this.#expiry = new RowExpiry(this.#rows, expiry, (rowKey, timestamp) =>
      this.#index.put(this.#placeOf(rowKey), null, timestamp),
    )
    this.#context = context
    this.#time = time
  }

  put(key: K, value: V | null, startMs: number, timestamp?: number): void {
    const now = this.#time.timestamp
    const writtenAt = timestamp ?? now
    assertTime(this.name, startMs)
    this.#clock.advance(startMs)
    if (startMs < this.#keptFrom()) {
      const { task, node } = this.#context
      return task.drop(node, 'expired')
    }
    const bytes = this.#bytesOf(key)
    const absent = value === null || value === undefined
    if (!absent || !this.#plan.retainDuplicates) {
      const number = this.#plan.retainDuplicates ? this.#nextNumber(bytes, startMs) : ''
      this.#rows.put(timePart(startMs) + bytes + number, absent ? null : value, writtenAt)
      this.#index.put(keyPart(bytes) + timePart(startMs) + number, absent ? null : startMs, writtenAt)
    }
    this.#expiry.expire(this.#clock)
  }

  fetch(key: K, startMs: number): V | undefined
  fetch(key: K, range: TimeRange): Iterable<readonly [Windowed<K>, V]>
  fetch(key: K, at: number | TimeRange): V | undefined | Iterable<readonly [Windowed<K>, V]> {
    return typeof at === 'number' ? this.fetchRow(key, at)?.value : this.#ofKey(key, at)
  }

  fetchRow(key: K, startMs: number): StoredValue<V> | undefined {
    if (startMs < this.#keptFrom()) return undefined
    const first = this.#plan.retainDuplicates ? NO_NUMBER : ''
    return this.#rows.get(timePart(startMs) + this.#bytesOf(key) + first)
  }

  *fetchAll(range: TimeRange & KeyBounds<K> = {}): Iterable<readonly [Windowed<K>, V]> {
    const times = timeBounds(range, this.#keptFrom())
    const keys = boundsRange(this.name, this.#plan.key, range)
    if (times === undefined) return
    const rows = this.#rows.range(timePart(times.from), timePart(times.to + 1), {
      reverse: range.reverse === true,
    })
    for (const [rowKey, { value }] of rows) {
      const bytes = rowKey.slice(TIME_LENGTH, rowKey.length - this.#numberLength)
      if (keys.from !== undefined && bytes < keys.from) continue
      if (keys.to !== undefined && bytes >= keys.to) continue
      const key = this.#plan.key.decode(Buffer.from(bytes, 'latin1'))
      yield [this.#windowed(key, readTimePart(rowKey, 0)), value]
    }
  }

  *#ofKey(key: K, range: TimeRange): Iterable<readonly [Windowed<K>, V]> {
    const times = timeBounds(range, this.#keptFrom())
    if (times === undefined) return
    const bytes = this.#bytesOf(key)
    const part = keyPart(bytes)
    const places = this.#index.range(part + timePart(times.from), part + timePart(times.to + 1), {
      reverse: range.reverse === true,
    })
    for (const [place, { value: startMs }] of places) {
      const row = this.#rows.get(timePart(startMs) + bytes + place.slice(part.length + TIME_LENGTH))
      if (row !== undefined) yield [this.#windowed(key, startMs), row.value]
    }
  }

  #keptFrom(): number {
    return Math.max(0, this.#clock.now() - this.#plan.retentionMs + 1)
  }

  #windowed(key: K, start: number): Windowed<K> {
    return { key, start, end: start + this.#plan.sizeMs }
  }

  #placeOf(rowKey: ByteString): ByteString {
    const end = rowKey.length - this.#numberLength
    return keyPart(rowKey.slice(TIME_LENGTH, end)) + rowKey.slice(0, TIME_LENGTH) + rowKey.slice(end)
  }

  #nextNumber(bytes: ByteString, startMs: number): ByteString {
    const place = keyPart(bytes) + timePart(startMs)
    const last = this.#index.range(place, `${place}${LAST_NUMBER}`, { reverse: true })
    for (const [taken] of last) return timePart(readTimePart(taken, place.length) + 1)
    return NO_NUMBER
  }

  #bytesOf(key: K): ByteString {
    return latin1Slice(this.#plan.key.encode(key))
  }
}

/** Numbers are written as times are. */
const NUMBER_LENGTH = TIME_LENGTH
const NO_NUMBER = timePart(0)
const LAST_NUMBER = '\xff'
