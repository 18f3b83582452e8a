import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { ByteString } from '../state/byte-store.ts'
import type { KeyValueStore, StoredValue } from '../state/store.ts'
import { byteRange, type StoreRange } from './byte-range.ts'
import type { WriteTime } from './store-declaration.ts'

/**
 * The rows of a table, a global table or a key-value store, to be read (Kafka Streams: ReadOnlyKeyValueStore). Values
 * that come out are shared and must not be mutated.
 */
export interface ReadOnlyStore<K, V> {
  readonly name: string
  get(key: K): V | undefined
  /** The value with the timestamp that it was put with. */
  getRow(key: K): StoredValue<V> | undefined
  /**
   * Rows in the byte order of their encoded keys. They are those that the store had when the first was asked for,
   * whatever is written meanwhile. Throws INVALID_ARGUMENT for bounds of a key codec that keeps no order.
   */
  entries(range?: StoreRange<K>): Iterable<readonly [K, V]>
}

/**
 * A key-value store in the hands of a processor (Kafka Streams: TimestampedKeyValueStore). Sees its own writes at once;
 * they are kept, and logged, with the commit of the record that caused them.
 */
export interface ProcessorStore<K, V> extends ReadOnlyStore<K, V> {
  /** null deletes. `timestamp` is by default the current record's, or the punctuation's. */
  put(key: K, value: V | null, timestamp?: number): void
  /** Puts the value unless the key has one; returns the one that it had. */
  putIfAbsent(key: K, value: V): V | undefined
  /** Returns what is deleted. */
  delete(key: K): V | undefined
}

/** Gives the bytes-keyed store its key type. */
export class TypedStore<K, V> implements ProcessorStore<K, V> {
  readonly name: string
  readonly #store: KeyValueStore<V>
  readonly #key: Codec<K>
  readonly #now: WriteTime

  constructor(store: KeyValueStore<V>, key: Codec<K>, now: WriteTime) {
    this.name = store.name
    this.#store = store
    this.#key = key
    this.#now = now
  }

  get(key: K): V | undefined {
    return this.#store.get(this.#bytesOf(key))?.value
  }

  getRow(key: K): StoredValue<V> | undefined {
    return this.#store.get(this.#bytesOf(key))
  }

  put(key: K, value: V | null, timestamp?: number): void {
    const now = this.#now.timestamp
    this.#store.put(this.#bytesOf(key), value ?? null, timestamp ?? now)
  }

  putIfAbsent(key: K, value: V): V | undefined {
    const present = this.get(key)
    if (present === undefined) this.put(key, value)
    return present
  }

  delete(key: K): V | undefined {
    const present = this.get(key)
    if (present !== undefined) this.put(key, null)
    return present
  }

  *entries(range: StoreRange<K> = {}): Iterable<readonly [K, V]> {
    const { from, to } = byteRange(this.name, this.#key, range)
    for (const [key, { value }] of this.#store.range(from, to, { reverse: range.reverse === true })) {
      yield [this.#key.decode(Buffer.from(key, 'latin1')), value]
    }
  }

  #bytesOf(key: K): ByteString {
    return latin1Slice(this.#key.encode(key))
  }
}

/** A typed store without its writing half; one that JavaScript calls all the same throws INVALID_ARGUMENT. */
export function readOnlyStore<K, V>(store: KeyValueStore<V>, key: Codec<K>): ReadOnlyStore<K, V> {
  const { name } = store
  const refuse = (): never => {
    throw new EvertError(
      'INVALID_ARGUMENT',
      `The store "${name}" belongs to a table and is only read. Write to the table's topic instead.`,
    )
  }
  const typed = new TypedStore(store, key, { timestamp: 0 })
  const reading: ReadOnlyStore<K, V> = {
    name,
    get: typed.get.bind(typed),
    getRow: typed.getRow.bind(typed),
    entries: typed.entries.bind(typed),
  }
  return Object.assign(reading, { put: refuse, putIfAbsent: refuse, delete: refuse })
}
