import type { Codec } from '../../contracts/codec.ts'
import type { Aggregator, Reducer } from '../processors/functions.ts'
import { aggregateFold, countFold, reduceFold, type WindowFold } from '../processors/window-fold.ts'
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
 * A stream grouped by key and time (Kafka Streams: TimeWindowedKStream, and for sliding windows). Records without key or
 * value are dropped, and so are records for windows that closed.
 */
export class WindowedKStream<K, V> {
  readonly #context: DslContext
  readonly #windows: WindowOperator<WindowFold>
  readonly #group: KeyedGroup<K>
  readonly #value: Codec<V>

  constructor(
    context: DslContext,
    windows: WindowOperator<WindowFold>,
    grouped: { group: KeyedGroup<K>; value: Codec<V> },
  ) {
    this.#context = context
    this.#windows = windows
    this.#group = grouped.group
    this.#value = grouped.value
  }

  /** The number of records of each key in each window. */
  count(options: WindowStoreOptions = {}): KTable<Windowed<K>, number> {
    assertOptions('count', options, optionNames.windowStore)
    return aggregateWindows(this.#context, this.#windows, {
      groups: [{ keyed: this.#group, fold: countFold }],
      value: countCodec,
      prefix: 'KSTREAM-AGGREGATE-',
      options,
    })
  }

  /** Folds the values of each key in each window into one; the first is taken as it is. */
  reduce(
    reducer: (aggregate: V, value: V) => V | null,
    options: WindowStoreOptions = {},
  ): KTable<Windowed<K>, V> {
    assertFunctions('reduce', { reducer })
    assertOptions('reduce', options, optionNames.windowStore)
    return aggregateWindows(this.#context, this.#windows, {
      groups: [{ keyed: this.#group, fold: reduceFold(reducer as Reducer) }],
      value: this.#value,
      prefix: 'KSTREAM-REDUCE-',
      options,
    })
  }

  /** Folds the values of each key in each window into an aggregate that begins as `initial()`. */
  aggregate<A>(
    initial: () => A,
    aggregator: (aggregate: A, value: V, key: K) => A | null,
    options: WindowStoreOptions & StoreValueOptions<A> = {},
  ): KTable<Windowed<K>, A> {
    assertFunctions('aggregate', { initial, aggregator })
    assertOptions('aggregate', options, optionNames.windowStoreValue)
    return aggregateWindows(this.#context, this.#windows, {
      groups: [{ keyed: this.#group, fold: aggregateFold(initial, aggregator as Aggregator) }],
      value: options.value ?? (defaultValueCodec as Codec<A>),
      prefix: 'KSTREAM-AGGREGATE-',
      options,
    })
  }
}
