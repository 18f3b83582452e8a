import type { Codec } from '../../contracts/codec.ts'
import type { Aggregator, Joiner, Reducer } from '../processors/functions.ts'
import {
  sessionAggregate,
  sessionCount,
  type SessionFold,
  sessionReduce,
} from '../processors/session-aggregate.ts'
import type { Windowed } from '../processors/windowed-key.ts'
import type { DslContext } from './context.ts'
import { countCodec, defaultValueCodec } from './default-codecs.ts'
import type { KTable } from './ktable.ts'
import { assertFunctions, assertOptions } from './operator-calls.ts'
import { optionNames } from './option-names.ts'
import type { StoreValueOptions } from './options.ts'
import { aggregateWindows, type KeyedGroup, type WindowStoreOptions } from './window-aggregation.ts'
import type { WindowOperator } from './window-operator.ts'

/**
 * A stream grouped by key and session (Kafka Streams: SessionWindowedKStream). A record that joins sessions together
 * deletes them and makes one; a session's timestamp is its end, which is inclusive.
 */
export class SessionKStream<K, V> {
  readonly #context: DslContext
  readonly #windows: WindowOperator<SessionFold>
  readonly #group: KeyedGroup<K>
  readonly #value: Codec<V>

  constructor(
    context: DslContext,
    windows: WindowOperator<SessionFold>,
    grouped: { group: KeyedGroup<K>; value: Codec<V> },
  ) {
    this.#context = context
    this.#windows = windows
    this.#group = grouped.group
    this.#value = grouped.value
  }

  /** The number of records of each session. */
  count(options: WindowStoreOptions = {}): KTable<Windowed<K>, number> {
    assertOptions('count', options, optionNames.windowStore)
    return aggregateWindows(this.#context, this.#windows, {
      groups: [{ keyed: this.#group, fold: sessionCount }],
      value: countCodec,
      prefix: 'KSTREAM-AGGREGATE-',
      options,
    })
  }

  /** Folds the values of each session into one; merged sessions are folded in the same way. */
  reduce(
    reducer: (aggregate: V, value: V) => V | null,
    options: WindowStoreOptions = {},
  ): KTable<Windowed<K>, V> {
    assertFunctions('reduce', { reducer })
    assertOptions('reduce', options, optionNames.windowStore)
    return aggregateWindows(this.#context, this.#windows, {
      groups: [{ keyed: this.#group, fold: sessionReduce(reducer as Reducer) }],
      value: this.#value,
      prefix: 'KSTREAM-REDUCE-',
      options,
    })
  }

  /** Folds the values of each session into an aggregate; `merger` makes one of two sessions' aggregates. */
  aggregate<A>(
    initial: () => A,
    aggregator: (aggregate: A, value: V, key: K) => A | null,
    options: WindowStoreOptions & StoreValueOptions<A> & { readonly merger: (a: A, b: A, key: K) => A },
  ): KTable<Windowed<K>, A> {
    assertFunctions('aggregate', { initial, aggregator })
    assertOptions('aggregate', options, optionNames.sessionAggregate)
    assertFunctions('aggregate', { merger: options.merger })
    const fold = sessionAggregate(initial, aggregator as Aggregator, options.merger as Joiner)
    return aggregateWindows(this.#context, this.#windows, {
      groups: [{ keyed: this.#group, fold }],
      value: options.value ?? (defaultValueCodec as Codec<A>),
      prefix: 'KSTREAM-AGGREGATE-',
      options,
    })
  }
}
