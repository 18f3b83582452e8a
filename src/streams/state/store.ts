import type { ByteString } from './byte-store.ts'

/**
 * A typed key-value store as operators see it: latest value and timestamp per key (Kafka Streams:
 * TimestampedKeyValueStore). Keys are the encoded key bytes. Synchronous; sees its own uncommitted writes.
 *
 * Contract: values that come out are shared and must not be mutated. A key is present exactly when its last put was
 * not null. `range` is in ascending byte order of the keys, from inclusive to exclusive, over writes made so far.
 */
export interface KeyValueStore<V> {
  readonly name: string
  get(key: ByteString): StoredValue<V> | undefined
  /** null deletes. */
  put(key: ByteString, value: V | null, timestamp: number): void
  range(
    from?: ByteString,
    to?: ByteString,
    options?: { reverse?: boolean },
  ): Iterable<readonly [ByteString, StoredValue<V>]>
}

export interface StoredValue<V> {
  readonly value: V
  readonly timestamp: number
}
