import type { Codec } from '../../contracts/codec.ts'
import type { PlanNode } from '../graph/plan.ts'
import type { Aggregator, Reducer } from '../processors/functions.ts'
import {
  type TableAggregator,
  tableAggregate,
  tableCount,
  tableGroupAggregate,
  tableReduce,
} from '../processors/table-aggregate.ts'
import type { DslContext } from './context.ts'
import { countCodec, defaultValueCodec } from './default-codecs.ts'
import { type TopOptions, topOfGroups } from './group-top.ts'
import type { KTable } from './ktable.ts'
import { assertFunctions, assertOptions } from './operator-calls.ts'
import { optionNames } from './option-names.ts'
import type { ChangeOptions, StoreOptions, StoreValueOptions } from './options.ts'
import { repartitionTable } from './repartitioning.ts'
import { newTableState, sourceParts, storesOf } from './table-parts.ts'

interface GroupedParts<K, V> {
  readonly node: PlanNode
  readonly key: Codec<K>
  readonly value: Codec<V>
}

/**
 * A table grouped by a computed key (Kafka Streams: KGroupedTable). A change of the table is subtracted from the group
 * that the row leaves and added to the one it enters; within one group both happen at once (KIP-904).
 */
export class KGroupedTable<K, V> {
  readonly #context: DslContext
  readonly #parts: GroupedParts<K, V>
  readonly #name: string | undefined
  #repartitioned: PlanNode | undefined

  constructor(context: DslContext, parts: GroupedParts<K, V>, name: string | undefined) {
    this.#context = context
    this.#parts = parts
    this.#name = name
  }

  /** The number of rows; a group that lost its last one stays, with 0. */
  count(options: StoreOptions & ChangeOptions = {}): KTable<K, number> {
    assertOptions('count', options, optionNames.storeChange)
    return this.#aggregate('KTABLE-AGGREGATE-', countCodec, options, tableCount)
  }

  /** Folds the rows of a group into one value; the first is taken as it is. */
  reduce(
    adder: (aggregate: V, value: V) => V | null,
    subtractor: (aggregate: V, value: V) => V | null,
    options: StoreOptions & ChangeOptions = {},
  ): KTable<K, V> {
    assertFunctions('reduce', { adder, subtractor })
    assertOptions('reduce', options, optionNames.storeChange)
    const aggregator = tableReduce(adder as Reducer, subtractor as Reducer)
    return this.#aggregate('KTABLE-REDUCE-', this.#parts.value, options, aggregator)
  }

  /** Folds the rows of a group into an aggregate that begins as `initial()`; a result of null deletes it. */
  aggregate<A>(
    initial: () => A,
    adder: (aggregate: A, value: V, key: K) => A | null,
    subtractor: (aggregate: A, value: V, key: K) => A | null,
    options: StoreValueOptions<A> & ChangeOptions = {},
  ): KTable<K, A> {
    assertFunctions('aggregate', { initial, adder, subtractor })
    assertOptions('aggregate', options, optionNames.storeValueChange)
    const value = options.value ?? (defaultValueCodec as Codec<A>)
    const aggregator = tableAggregate(initial, adder as Aggregator, subtractor as Aggregator)
    return this.#aggregate('KTABLE-AGGREGATE-', value, options, aggregator)
  }

  /**
   * The first `limit` rows of each group in order; goes out when it changes. A row that leaves makes room for the next.
   * A group without rows has none.
   *
   * @example
   * products.groupBy(product => product.category).top(3, { by: product => product.sold })
   */
  top(limit: number, options: TopOptions<V>): KTable<K, readonly V[]> {
    assertOptions('top', options, optionNames.top)
    const keyed = (store: string) => {
      const node = this.#repartition(store)
      return { node, sources: [node] }
    }
    return topOfGroups(this.#context, { ...this.#parts, keyed, keepsAll: true }, { ...options, limit })
  }

  #aggregate<A>(
    prefix: string,
    value: Codec<A>,
    options: StoreOptions & ChangeOptions,
    aggregator: TableAggregator,
  ): KTable<K, A> {
    const { plan } = this.#context
    const { key } = this.#parts
    const store = options.store ?? plan.names.store('KTABLE-AGGREGATE-')
    const source = this.#repartition(store)
    const name = plan.names.operator(prefix, options.name)
    const state = newTableState(value, options)
    const table = sourceParts(state, store, { plan, key })
    table.keepRows(store)
    const node = plan.addProcessor(name, [source], {
      create: tableGroupAggregate(aggregator, state),
      stores: () => storesOf(state),
    })
    return this.#context.table({ node, key, value, sources: [source], table })
  }

  #repartition(store: string): PlanNode {
    if (this.#name !== undefined && this.#repartitioned !== undefined) return this.#repartitioned
    const { node: parent, key, value } = this.#parts
    this.#repartitioned = repartitionTable(this.#context.plan, {
      parent,
      key,
      value,
      name: this.#name ?? store,
    })
    return this.#repartitioned
  }
}
