import type { Windowed } from '../processors/windowed-key.ts'
import type { KTable } from './ktable.ts'
import type { StoreValueOptions } from './options.ts'
import type { Refused } from './refused.ts'
import type { SuppressOptions, TimeLimitOptions } from './suppress.ts'
import type { WindowStoreOptions } from './window-aggregation.ts'
import type { WindowedKStream } from './windowed-kstream.ts'

/*
 * Tables on which a call makes no sense, so that the editor says so. What derives from them is an ordinary table to the
 * compiler; where it still makes no sense, building the topology says so.
 */

/** A table that knows its rows as they were. */
export interface VersionedKTable<K, V> extends KTable<K, V> {
  /** Not of a versioned table, which needs its rows in the order of their times: read the topic as a plain table. */
  suppressUntilTimeLimit(
    this: KTable<K, V> & Refused<'Rows of a versioned table cannot be held back: use builder.table(topic)'>,
    timeLimitMs: number,
    options?: TimeLimitOptions,
  ): KTable<K, V>
}

/** The stream of one window without end. */
export interface UnlimitedKStream<K, V> extends WindowedKStream<K, V> {
  count(options?: WindowStoreOptions): UnlimitedKTable<K, number>
  reduce(reducer: (aggregate: V, value: V) => V | null, options?: WindowStoreOptions): UnlimitedKTable<K, V>
  aggregate<A>(
    initial: () => A,
    aggregator: (aggregate: A, value: V, key: K) => A | null,
    options?: WindowStoreOptions & StoreValueOptions<A>,
  ): UnlimitedKTable<K, A>
}

/** An aggregate of it. */
export interface UnlimitedKTable<K, V> extends KTable<Windowed<K>, V> {
  /** Not of unlimited windows, which never close: use windows that end, or `suppressUntilTimeLimit`. */
  suppressUntilWindowCloses<W>(
    this: KTable<Windowed<W>, V> & Refused<'Unlimited windows never close: use windows that end'>,
    options?: SuppressOptions,
  ): KTable<Windowed<W>, V>
}
