import type { Codec } from '../../contracts/codec.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { ByteString } from '../state/byte-store.ts'
import { readTimePart, TIME_LENGTH, timePart } from '../state/key-parts.ts'
import type { KeyValueStore, StoredValue } from '../state/store.ts'

/*
 * Algorithm: every get that finds a row, and every put, gives its key the next number; when there are more rows than
 * allowed, the one with the least number goes, with a tombstone in the changelog (Kafka Streams: MemoryLRUCache). The
 * least number is found by walking up from the one that was least before: each use leaves one gap at most, so the walk
 * costs as much as the uses.
 *
 * State: the rows; and, in a store without changelog, the number of each key (0, key; the number is the timestamp), the
 * key of each number (1, number), and entry 2: the next number, one that none is below, and how many there are.
 *
 * Correctness: rows and numbers are committed together, so a crash leaves both at one commit, and what is processed
 * again evicts the same rows. Only where rows came from the changelog are there no numbers, or other ones: the rows
 * are then numbered in the order of their timestamps.
 */

const NUMBER_OF = '\0'
const KEY_OF = '\x01'
const COUNTS = '\x02'

interface Counts {
  next: number
  least: number
  count: number
}

/** Rows of which only the most recently used are kept. A range uses none of them. */
export class LruRows<V> implements KeyValueStore<V> {
  readonly name: string
  readonly #rows: KeyValueStore<V>
  readonly #uses: KeyValueStore<ByteString>
  readonly #maxEntries: number

  constructor(rows: KeyValueStore<V>, uses: KeyValueStore<ByteString>, maxEntries: number) {
    this.name = rows.name
    this.#rows = rows
    this.#uses = uses
    this.#maxEntries = maxEntries
    if (!this.#isNumbered()) this.#number()
  }

  get(key: ByteString): StoredValue<V> | undefined {
    const row = this.#rows.get(key)
    if (row !== undefined) this.#use(key)
    return row
  }

  put(key: ByteString, value: V | null, timestamp: number): void {
    this.#rows.put(key, value, timestamp)
    if (value === null) return this.#forget(key)
    this.#use(key)
    while (this.#counts().count > this.#maxEntries) {
      const eldest = this.#eldest()
      this.#rows.put(eldest, null, timestamp)
      this.#forget(eldest)
    }
  }

  range(from?: ByteString, to?: ByteString, options?: { reverse?: boolean }) {
    return this.#rows.range(from, to, options)
  }

  #use(key: ByteString): void {
    const counts = this.#counts()
    const before = this.#uses.get(NUMBER_OF + key)?.timestamp
    if (before === counts.next - 1) return
    if (before === undefined) counts.count++
    else this.#uses.put(KEY_OF + timePart(before), null, before)
    const number = counts.next++
    this.#uses.put(NUMBER_OF + key, '', number)
    this.#uses.put(KEY_OF + timePart(number), key, number)
    this.#keep(counts)
  }

  #forget(key: ByteString): void {
    const number = this.#uses.get(NUMBER_OF + key)?.timestamp
    if (number === undefined) return
    const counts = this.#counts()
    counts.count--
    this.#uses.put(NUMBER_OF + key, null, number)
    this.#uses.put(KEY_OF + timePart(number), null, number)
    this.#keep(counts)
  }

  #eldest(): ByteString {
    const counts = this.#counts()
    for (;;) {
      const key = this.#uses.get(KEY_OF + timePart(counts.least))?.value
      if (key !== undefined) {
        this.#keep(counts)
        return key
      }
      counts.least++
    }
  }

  #counts(): Counts {
    const kept = this.#uses.get(COUNTS)?.value
    if (kept === undefined) return { next: 0, least: 0, count: 0 }
    return {
      next: readTimePart(kept, 0),
      least: readTimePart(kept, TIME_LENGTH),
      count: readTimePart(kept, 2 * TIME_LENGTH),
    }
  }

  #keep({ next, least, count }: Counts): void {
    this.#uses.put(COUNTS, timePart(next) + timePart(least) + timePart(count), 0)
  }

  #isNumbered(): boolean {
    let count = 0
    for (const [key] of this.#rows.range()) {
      if (this.#uses.get(NUMBER_OF + key) === undefined) return false
      count++
    }
    return count === this.#counts().count
  }

  #number(): void {
    for (const [entry] of Array.from(this.#uses.range())) this.#uses.put(entry, null, 0)
    const rows = Array.from(this.#rows.range(), ([key, { timestamp }]) => ({ key, timestamp }))
    for (const { key } of rows.toSorted((a, b) => a.timestamp - b.timestamp)) this.#use(key)
  }
}

export const byteStringCodec: Codec<ByteString> = {
  name: 'byte-string',
  encode: value => Buffer.from(value, 'latin1'),
  decode: slice => latin1Slice(slice),
}
