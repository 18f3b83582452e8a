import type { Codec } from '../../contracts/codec.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { ByteString } from '../state/byte-store.ts'
import type { ProcessorContext } from './processor.ts'
import type { WriteTime } from './store-declaration.ts'
import { assertTime, type TimeRange } from './time-range.ts'
import type { VersionOutcome, VersionedRows } from './versioned-rows.ts'

/**
 * The values of a key as they were over time (Kafka Streams: VersionedKeyValueStore, KIP-889). A version is valid from
 * its own timestamp to that of the next. The latest never goes; earlier ones are found as long as they were valid at
 * most `historyRetentionMs` before the greatest timestamp that was put, and a put behind that is refused.
 */
export interface VersionedStore<K, V> {
  readonly name: string
  /**
   * null deletes from then on. `timestamp` is by default the current record's, or the punctuation's. Returns whether
   * the version is the `latest`, is `superseded` by a later one, or was refused as `expired`.
   */
  put(key: K, value: V | null, timestamp?: number): VersionOutcome
  /** Deletes from the timestamp on; returns what was valid then. */
  delete(key: K, timestamp?: number): VersionedRecord<V> | undefined
  /** The latest version, or the one that was valid at a time. */
  get(key: K, asOfMs?: number): VersionedRecord<V> | undefined
  /** The versions of a key that were valid at some time of the range, in order of time. */
  history(key: K, range?: TimeRange): Iterable<VersionedRecord<V>>
}

export interface VersionedRecord<V> {
  readonly value: V
  /** Valid from then, inclusive. */
  readonly timestamp: number
  /** Valid up to then, exclusive; undefined for the latest. */
  readonly validToMs: number | undefined
}

export class TypedVersionedStore<K, V> implements VersionedStore<K, V> {
  readonly name: string
  readonly #rows: VersionedRows
  readonly #key: Codec<K>
  readonly #context: ProcessorContext
  readonly #time: WriteTime

  constructor(
    { name, key, rows }: { readonly name: string; readonly key: Codec<K>; readonly rows: VersionedRows },
    context: ProcessorContext,
    time: WriteTime,
  ) {
    this.name = name
    this.#rows = rows
    this.#key = key
    this.#context = context
    this.#time = time
  }

  put(key: K, value: V | null, timestamp?: number): VersionOutcome {
    const now = this.#time.timestamp
    if (timestamp !== undefined) assertTime(this.name, timestamp)
    const outcome = this.#rows.put(this.#bytesOf(key), value ?? null, timestamp ?? now)
    if (outcome === 'expired') this.#context.task.drop(this.#context.node, 'expired')
    return outcome
  }

  delete(key: K, timestamp?: number): VersionedRecord<V> | undefined {
    const at = timestamp ?? this.#time.timestamp
    const valid = this.get(key, at)
    this.put(key, null, at)
    return valid
  }

  get(key: K, asOfMs = Infinity): VersionedRecord<V> | undefined {
    const bytes = this.#bytesOf(key)
    const row = this.#rows.get(bytes, asOfMs)
    if (row === undefined) return undefined
    const { value, timestamp } = row
    return { value: value as V, timestamp, validToMs: this.#rows.validTo(bytes, timestamp) }
  }

  *history(
    key: K,
    { fromMs = -Infinity, toMs = Infinity, reverse = false }: TimeRange = {},
  ): Iterable<VersionedRecord<V>> {
    const versions = this.#rows.versions(this.#bytesOf(key)) as VersionedRecord<V>[]
    for (const version of reverse ? versions.toReversed() : versions) {
      const { timestamp, validToMs = Infinity } = version
      if (timestamp <= toMs && validToMs > fromMs) yield version
    }
  }

  #bytesOf(key: K): ByteString {
    return latin1Slice(this.#key.encode(key))
  }
}
