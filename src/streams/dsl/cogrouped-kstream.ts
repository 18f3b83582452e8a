import type { Codec } from '../../contracts/codec.ts'
import { assert } from '../../internal/assert.ts'
import type { PlanNode } from '../graph/plan.ts'
import type { Aggregator, Initializer } from '../processors/functions.ts'
import { passThrough } from '../processors/pass-through.ts'
import { streamAggregate } from '../processors/stream-aggregate.ts'
import { coPartition, type DslContext } from './context.ts'
import { defaultValueCodec } from './default-codecs.ts'
import type { KGroupedStream } from './kgrouped-stream.ts'
import type { KTable } from './ktable.ts'
import type { StoreValueOptions } from './options.ts'
import { newTableState, sourceParts, storesOf } from './table-parts.ts'

/** One of the streams, still without its types, and how it gets its node once the store's name is known. */
interface Group {
  readonly keyed: (store: string) => { node: PlanNode; sources: readonly PlanNode[]; key: Codec<unknown> }
  readonly aggregator: Aggregator
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
    const keyed = (store: string) => grouped.keyed(store)
    return new CogroupedKStream(this.#context, [
      ...this.#groups,
      { keyed, aggregator: aggregator as Aggregator },
    ])
  }

  /** The table of the aggregates, which begin as `initial()`. A record without key or value is dropped. */
  aggregate(initial: () => A, options: StoreValueOptions<A> = {}): KTable<K, A> {
    const { plan } = this.#context
    const value = options.value ?? (defaultValueCodec as Codec<A>)
    const store = options.store ?? plan.names.store('COGROUPKSTREAM-AGGREGATE-')
    const state = newTableState(value)
    const keyed = this.#groups.map(group => group.keyed(store))
    const nodes = keyed.map(({ node }, index) => {
      const name =
        options.name === undefined
          ? plan.names.operator('COGROUPKSTREAM-AGGREGATE-')
          : `${options.name}-cogroup-agg-${index}`
      const { aggregator } = this.#groups[index] as Group
      return plan.addProcessor(name, [node], {
        create: streamAggregate(initial as Initializer, aggregator, state),
        stores: () => storesOf(state),
      })
    })
    const name =
      options.name === undefined
        ? plan.names.operator('COGROUPKSTREAM-MERGE-')
        : `${options.name}-cogroup-merge`
    const [first] = keyed
    assert(first !== undefined, 'an empty cogroup')
    const table = sourceParts(state, store, { plan, key: first.key })
    table.keepRows(store)
    const node = plan.addProcessor(name, nodes, { create: passThrough })
    const sources = coPartition(plan, name, ...keyed.map(group => group.sources))
    return this.#context.table({ node, key: first.key as Codec<K>, value, sources, table })
  }
}
