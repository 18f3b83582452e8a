import type { Codec } from '../../contracts/codec.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { ByteString } from '../state/byte-store.ts'
import type { KeyValueStore, StoredValue } from '../state/store.ts'

/**
 * A key-value store in the hands of a processor. Sees its own writes at once; they are kept, and logged, with the
 * commit of the record that caused them. Values that come out are shared and must not be mutated.
 */
export interface ProcessorStore<K, V> {
  readonly name: string
  get(key: K): V | undefined
  /** The value with the timestamp that it was put with. */
  getRow(key: K): StoredValue<V> | undefined
  /** null deletes. `timestamp` is by default the current record's, or the punctuation's. */
  put(key: K, value: V | null, timestamp?: number): void
  /** Puts the value unless the key has one; returns the one that it had. */
  putIfAbsent(key: K, value: V): V | undefined
  /** Returns what is deleted. */
  delete(key: K): V | undefined
  /** Rows in the byte order of their encoded keys. */
  entries(range?: StoreRange<K>): Iterable<readonly [K, V]>
}

export interface StoreRange<K> {
  /** The first key, inclusive. */
  readonly from?: K
  /** The last key, inclusive. */
  readonly to?: K
  /** Only keys whose bytes begin so; text stands for its UTF-8 bytes. Not together with from and to. */
  readonly prefix?: string | Buffer
  /** From the last to the first. */
  readonly reverse?: boolean
}

/** When a write happens, by default: asked for at each. */
export interface WriteTime {
  /** Throws INVALID_ARGUMENT outside of a callback. */
  readonly timestamp: number
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

  *entries({ from, to, prefix, reverse = false }: StoreRange<K> = {}): Iterable<readonly [K, V]> {
    const begin = prefix === undefined ? from : undefined
    const [first, end] =
      prefix === undefined
        ? [
            begin === undefined ? undefined : this.#bytesOf(begin),
            to === undefined ? undefined : after(this.#bytesOf(to)),
          ]
        : prefixRange(prefix)
    for (const [key, { value }] of this.#store.range(first, end, { reverse })) {
      yield [this.#key.decode(Buffer.from(key, 'latin1')), value]
    }
  }

  #bytesOf(key: K): ByteString {
    return latin1Slice(this.#key.encode(key))
  }
}

/** The least key above `key`. */
function after(key: ByteString): ByteString {
  return `${key}\0`
}

/** Ends below the least key that is above all that begin so; bytes of 255 at its end have nothing above them. */
function prefixRange(prefix: string | Buffer): [ByteString, ByteString | undefined] {
  const bytes = typeof prefix === 'string' ? Buffer.from(prefix) : prefix
  const from = latin1Slice(bytes)
  let last = bytes.length - 1
  while (last >= 0 && bytes[last] === 255) last--
  if (last < 0) return [from, undefined]
  return [from, from.slice(0, last) + String.fromCharCode((bytes[last] as number) + 1)]
}
