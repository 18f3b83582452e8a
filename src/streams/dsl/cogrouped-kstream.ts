import type { Codec } from '../../contracts/codec.ts'
import { assert } from '../../internal/assert.ts'
import type { PlanNode } from '../graph/plan.ts'
import type { Aggregator, Joiner } from '../processors/functions.ts'
import { passThrough } from '../processors/pass-through.ts'
import { streamAggregate } from '../processors/stream-aggregate.ts'
import { sessionAggregate } from '../processors/session-aggregate.ts'
import { aggregateFold } from '../processors/window-fold.ts'
import type { Windowed } from '../processors/windowed-key.ts'
import type { SessionWindows, SlidingWindows, TimeWindows, UnlimitedWindows } from '../processors/windows.ts'
import { coPartition, type DslContext } from './context.ts'
import { defaultValueCodec } from './default-codecs.ts'
import { keyGroups } from './keyed-groups.ts'
import type { KGroupedStream } from './kgrouped-stream.ts'
import type { KTable } from './ktable.ts'
import { assertFunctions, assertOptions } from './operator-calls.ts'
import { optionNames } from './option-names.ts'
import type { ChangeOptions, StoreValueOptions } from './options.ts'
import { newTableState, sourceParts, storesOf } from './table-parts.ts'
import { aggregateWindows, type KeyedGroup, type WindowStoreOptions } from './window-aggregation.ts'
import { sessionOperator, windowOperator } from './window-operator.ts'

/** One of the streams, still without its types, and how it gets its node once the store's name is known. */
interface Group {
  readonly keyed: (store: string) => { node: PlanNode; sources: readonly PlanNode[]; key: Codec<unknown> }
  readonly aggregator: Aggregator
}

export interface WindowedCogroup<K, A> {
  /** The table of the aggregates, which begin as `initial()` in each window. */
  aggregate(initial: () => A, options?: WindowStoreOptions & StoreValueOptions<A>): KTable<Windowed<K>, A>
}

/** Several grouped streams that are aggregated into one table (Kafka Streams: CogroupedKStream, KIP-150). */
export class CogroupedKStream<K, A> {
  readonly #context: DslContext
  readonly #groups: readonly Group[]

  constructor(context: DslContext, groups: readonly Group[]) {
    this.#context = context
    this.#groups = groups
  }

  /** Adds a grouped stream with its own aggregator. */
  cogroup<V>(
    grouped: KGroupedStream<K, V>,
    aggregator: (aggregate: A, value: V, key: K) => A | null,
  ): CogroupedKStream<K, A> {
    assertFunctions('cogroup', { aggregator })
    const keyed = (store: string) => grouped.keyed(store)
    return new CogroupedKStream(this.#context, [
      ...this.#groups,
      { keyed, aggregator: aggregator as Aggregator },
    ])
  }

  /** Groups by time as well: the aggregate has a row per key and window. */
  windowedBy(windows: TimeWindows | SlidingWindows | UnlimitedWindows): WindowedCogroup<K, A> {
    const operator = windowOperator(windows)
    return {
      aggregate: (initial, options = {}) => {
        assertFunctions('aggregate', { initial })
        assertOptions('aggregate', options, optionNames.windowStoreValue)
        return aggregateWindows(this.#context, operator, {
          groups: this.#groups.map(({ keyed, aggregator }) => ({
            keyed: keyed as KeyedGroup<K>,
            fold: aggregateFold(initial, aggregator),
          })),
          value: options.value ?? (defaultValueCodec as Codec<A>),
          prefix: 'COGROUPKSTREAM-AGGREGATE-',
          options,
        })
      },
    }
  }

  /** Groups by sessions of activity; `merger` makes one of two sessions' aggregates. */
  sessions(windows: SessionWindows, merger: (a: A, b: A, key: K) => A): WindowedCogroup<K, A> {
    assertFunctions('sessions', { merger })
    const operator = sessionOperator(windows)
    return {
      aggregate: (initial, options = {}) => {
        assertFunctions('aggregate', { initial })
        assertOptions('aggregate', options, optionNames.windowStoreValue)
        return aggregateWindows(this.#context, operator, {
          groups: this.#groups.map(({ keyed, aggregator }) => ({
            keyed: keyed as KeyedGroup<K>,
            fold: sessionAggregate(initial, aggregator, merger as Joiner),
          })),
          value: options.value ?? (defaultValueCodec as Codec<A>),
          prefix: 'COGROUPKSTREAM-AGGREGATE-',
          options,
        })
      },
    }
  }

  /** The table of the aggregates, which begin as `initial()`. A record without key or value is dropped. */
  aggregate(initial: () => A, options: StoreValueOptions<A> & ChangeOptions = {}): KTable<K, A> {
    assertFunctions('aggregate', { initial })
    assertOptions('aggregate', options, optionNames.storeValueChange)
    const { plan } = this.#context
    const value = options.value ?? (defaultValueCodec as Codec<A>)
    const store = options.store ?? plan.names.store('COGROUPKSTREAM-AGGREGATE-')
    const state = newTableState(value, options)
    const keyed = keyGroups(plan, store, this.#groups)
    const nodes = keyed.map(({ node }, index) => {
      const name = plan.names.operator(
        'COGROUPKSTREAM-AGGREGATE-',
        options.name && `${options.name}-cogroup-agg-${index}`,
      )
      const { aggregator } = this.#groups[index] as Group
      return plan.addProcessor(name, [node], {
        create: streamAggregate(initial, aggregator, state),
        stores: () => storesOf(state),
      })
    })
    const name = plan.names.operator('COGROUPKSTREAM-MERGE-', options.name && `${options.name}-cogroup-merge`)
    const [first] = keyed
    assert(first !== undefined, 'an empty cogroup')
    const table = sourceParts(state, store, { plan, key: first.key })
    table.keepRows(store)
    const node = plan.addProcessor(name, nodes, { create: passThrough })
    const sources = coPartition(plan, name, ...keyed.map(group => group.sources))
    return this.#context.table({ node, key: first.key as Codec<K>, value, sources, table })
  }
}
