import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import type { ByteString } from '../state/byte-store.ts'
import type { KeyValueStore, StoredValue } from '../state/store.ts'
import type { BufferedRow } from './buffered-row.ts'
import { fromStart, timeOf } from './windowed-key.ts'

/** How much a buffer may hold. */
export interface BufferLimits {
  /** Infinity: no limit. */
  readonly maxRecords: number
  /** Of keys and values as the buffer stores them. Infinity: no limit. */
  readonly maxBytes: number
  readonly whenFull: 'emitEarly' | 'stop'
}

export interface RowBufferPlan {
  /** The node, for errors. */
  readonly node: string
  readonly rows: KeyValueStore<BufferedRow>
  /** Where it counts what it holds. */
  readonly counts: KeyValueStore<number>
  readonly codec: Codec<BufferedRow>
  readonly limits: BufferLimits
}

/** A row on its way out: its place, and what was buffered there. */
export type Eviction = (place: ByteString, row: StoredValue<BufferedRow>) => void

/**
 * Rows that wait, in the order of their places (Kafka Streams: TimeOrderedKeyValueBuffer). With a limit it counts what it
 * holds, in a store: a restarted task has the same room left, and what a failed record did to it is undone. There it also
 * keeps the time below which it has taken everything out: what an open commit took out is not walked over again.
 */
export class RowBuffer {
  readonly #plan: RowBufferPlan
  readonly #isLimited: boolean
  /** Put below what was taken out, since the last eviction. */
  #strays: ByteString[] = []

  constructor(plan: RowBufferPlan) {
    this.#plan = plan
    this.#isLimited = plan.limits.maxRecords !== Infinity || plan.limits.maxBytes !== Infinity
  }

  put(place: ByteString, row: BufferedRow, timestamp: number): void {
    const { rows } = this.#plan
    if (this.#isLimited) {
      const before = rows.get(place)
      if (before !== undefined) this.#count(-1, place, before)
      this.#count(1, place, { value: row, timestamp })
    }
    rows.put(place, row, timestamp)
    if (timeOf(place) < this.#goneBelow) this.#strays.push(place)
  }

  remove(place: ByteString, timestamp: number): void {
    const { rows } = this.#plan
    const before = this.#isLimited ? rows.get(place) : undefined
    if (before !== undefined) this.#count(-1, place, before)
    rows.put(place, null, timestamp)
  }

  /** The place of the first row. */
  first(): ByteString | undefined {
    for (const [place] of this.#plan.rows.range(fromStart(this.#goneBelow))) return place
    return undefined
  }

  /** Takes out the rows whose places are below `end`, in order. */
  evictBelow(end: ByteString, evict: Eviction): void {
    const goneBelow = this.#goneBelow
    if (this.#strays.length > 0) this.#evictStrays(end, evict)
    if (end <= fromStart(goneBelow)) return
    let latest = -1
    for (const [place, row] of this.#plan.rows.range(fromStart(this.#goneBelow), end)) {
      evict(place, row)
      this.remove(place, row.timestamp)
      latest = row.timestamp
    }
    if (latest >= 0) this.#plan.counts.put(GONE_BELOW, timeOf(end), latest)
  }

  /** Takes out the first rows as long as there are too many, or throws BUFFER_FULL, as its limits say. */
  enforceLimits(evict: Eviction): void {
    if (!this.#isLimited || !this.#isOverfull) return
    if (this.#plan.limits.whenFull === 'stop') throw this.#full()
    for (const [place, row] of this.#plan.rows.range(fromStart(this.#goneBelow))) {
      evict(place, row)
      this.remove(place, row.timestamp)
      this.#plan.counts.put(GONE_BELOW, timeOf(place), row.timestamp)
      if (!this.#isOverfull) break
    }
  }

  /** No row has an earlier time, but for the strays. */
  get #goneBelow(): number {
    return this.#held(GONE_BELOW)
  }

  /** Those that are not to go yet are found by the next walk. A failed record's are not there any more. */
  #evictStrays(end: ByteString, evict: Eviction): void {
    const { rows, counts } = this.#plan
    const strays = this.#strays.toSorted()
    this.#strays = []
    for (const place of strays) {
      const row = rows.get(place)
      if (row === undefined) continue
      if (place < end) {
        evict(place, row)
        this.remove(place, row.timestamp)
      } else if (timeOf(place) < this.#goneBelow) counts.put(GONE_BELOW, timeOf(place), row.timestamp)
    }
  }

  get #isOverfull(): boolean {
    const { limits } = this.#plan
    return this.#held(RECORDS) > limits.maxRecords || this.#held(BYTES) > limits.maxBytes
  }

  #held(what: string): number {
    return this.#plan.counts.get(what)?.value ?? 0
  }

  #count(sign: 1 | -1, place: ByteString, { value, timestamp }: StoredValue<BufferedRow>): void {
    const { counts, limits, codec } = this.#plan
    counts.put(RECORDS, this.#held(RECORDS) + sign, timestamp)
    if (limits.maxBytes === Infinity) return
    const sizeBytes = place.length + codec.encode(value).length
    counts.put(BYTES, this.#held(BYTES) + sign * sizeBytes, timestamp)
  }

  #full(): EvertError {
    const { node, limits } = this.#plan
    const bytes = limits.maxBytes === Infinity ? '' : `, ${this.#held(BYTES)} of ${limits.maxBytes} bytes`
    return new EvertError(
      'BUFFER_FULL',
      `The buffer of the operator "${node}" is full and was told to stop: it would hold ${this.#held(RECORDS)} of ` +
        `${limits.maxRecords} rows${bytes}. Raise its limits, or let rows go earlier.`,
    )
  }
}

const RECORDS = 'buffered-records'
const BYTES = 'buffered-bytes'
const GONE_BELOW = 'gone-below'
