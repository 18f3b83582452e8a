import type { Codec } from '../../contracts/codec.ts'
import type { Topic } from '../../contracts/topic.ts'
import type { ErrorPolicy } from '../processors/error-policy.ts'
import type { TimestampExtractor } from '../processors/timestamp-extractor.ts'
import type { Partitioner } from '../processors/user-partitioner.ts'
import type { ExpiryOptions } from './table-expiry.ts'

export interface NamedOptions {
  /** The operator's name in descriptions, errors and metrics. Default: generated, see graph/names.ts. */
  readonly name?: string
}

export interface SourceOptions<K, V> extends NamedOptions {
  /**
   * How records get their event time. Default `failOnInvalid`: they have it, and a negative one is a failure.
   *
   * @example
   * builder.stream(orders, { timestamp: order => order.placedAtMs })
   */
  readonly timestamp?: TimestampExtractor<K, V>
  /**
   * What becomes of records of this source that fail, and of outputs that they lead to within the same sub-topology.
   * Kinds of errors that are left out: as the application's `onError` says.
   *
   * @example
   * builder.stream(clicks, { onError: { deserialization: 'skip' } })
   */
  readonly onError?: ErrorPolicy
}

export interface SinkOptions<K, V> extends NamedOptions {
  /**
   * Chooses the partition of each record, several of them, or none: an empty list drops it. Default: by the key.
   *
   * @example
   * rules.to(allRules, { partition: (rule, name, numPartitions) => [...Array(numPartitions).keys()] })
   */
  partition?(value: V, key: K, numPartitions: number): ReturnType<Partitioner<K, V>>
}

export interface DynamicSinkOptions<K, V> extends SinkOptions<K, V> {
  /** The topics that the function may name. They are made where they are missing. */
  readonly topics: readonly [Topic<K, V>, ...Topic<K, V>[]]
}

export interface ValueOptions<V> extends NamedOptions {
  /** How results are written. Default: JSON. */
  readonly value?: Codec<V>
}

export interface KeyOptions<K> extends NamedOptions {
  readonly key: Codec<K>
}

export interface StoreOptions extends NamedOptions {
  /** Keeps the rows in a store of this name, which queries can read. Default: kept only where needed, unnamed. */
  readonly store?: string
  /**
   * Whether the rows go to a changelog topic, if they are kept. Default true. Without one they are on this machine only:
   * they survive a restart here, and begin empty wherever else the task runs next, or when the disk or the power is
   * lost. A table that reads a topic has no other changelog than that, so it is refused there.
   */
  readonly logged?: boolean
}

export interface ChangeOptions {
  /**
   * What changes nothing is neither stored nor passed on: a value that is written as the same bytes as the row's. The
   * row then keeps its timestamp, which says since when it has its value; with `ttlMs` it counts as updated all the
   * same. Only an earlier timestamp is a change by itself (KIP-557). Default false: every update goes on.
   */
  readonly emitOnChange?: boolean
}

/** Of a table that may keep its rows and let them expire. */
export interface RowOptions extends StoreOptions, ChangeOptions, ExpiryOptions {}

export interface RowValueOptions<V> extends RowOptions, StoreValueOptions<V> {}

export interface TableOptions<K, V> extends RowOptions, SourceOptions<K, V> {}

export interface VersionedTableOptions<K, V> extends StoreOptions, SourceOptions<K, V> {
  /** How far behind stream time earlier rows can be looked up, and late records are taken. */
  readonly historyRetentionMs: number
}

export interface StoreValueOptions<V> extends StoreOptions {
  /** How results are written. Default: JSON. */
  readonly value?: Codec<V>
}

export interface RepartitionOptions {
  /** The topic becomes `<application>-<name>-repartition`. Default: generated. */
  readonly name?: string
  /** Default: as many as the most partitioned topic upstream. */
  readonly partitions?: number
}
