import type { Codec } from '../../contracts/codec.ts'
import type { Plan } from '../graph/plan.ts'
import { type Mapper, refuseAnswer } from '../processors/functions.ts'
import { type ReadOnlyStore, readOnlyStore } from '../processors/processor-store.ts'
import { CONNECTION, type StoreConnection, type StoreDeclaration } from '../processors/store-declaration.ts'
import { defaultValueCodec } from './default-codecs.ts'
import { assertFunctions, assertOptions } from './operator-calls.ts'
import { optionNames } from './option-names.ts'
import type { StoreOptions, StoreValueOptions } from './options.ts'
import { assertLogged } from './topic-tables.ts'
import { assertSamePlan } from './table-connection.ts'
import { newTableState } from './table-parts.ts'
import { View, type ViewOptions } from './view.ts'

interface GlobalParts<K, V> {
  readonly plan: Plan
  readonly topic: { readonly name: string; readonly value: Codec<unknown> }
  readonly store: string
  readonly key: Codec<K>
  readonly value: Codec<V>
  /** The row that follows from a value of the topic; undefined: the value itself. */
  readonly row: Mapper | undefined
}

/**
 * A table that every instance holds completely (Kafka Streams: GlobalKTable): streams join it by any key. Of a table
 * and those derived from it, only the rows of those that are joined, viewed or have a `{ store }` are kept.
 */
export class GlobalKTable<K, V> implements StoreDeclaration<ReadOnlyStore<K, V>> {
  readonly #parts: GlobalParts<K, V>

  constructor(parts: GlobalParts<K, V>) {
    this.#parts = parts
  }

  /**
   * The table of the rows for which the predicate holds. It is asked once for each record of the topic, and again when
   * an instance reads the topic from the start.
   *
   * @example
   * const active = builder.globalTable(products).filter(product => !product.retired)
   * sales.joinGlobal(active, sale => sale.productId, (sale, product) => ({ ...sale, name: product.name }))
   */
  filter<V2 extends V>(
    predicate: (value: V, key: K) => value is V2,
    options?: StoreOptions,
  ): GlobalKTable<K, V2>
  filter(predicate: (value: V, key: K) => boolean, options?: StoreOptions): GlobalKTable<K, V>
  filter(predicate: (value: V, key: K) => boolean, options: StoreOptions = {}): GlobalKTable<K, V> {
    assertFunctions('filter', { predicate })
    assertOptions('filter', options, optionNames.store)
    const keep: Mapper = (value, key) => {
      const fits: unknown = predicate(value as V, key as K)
      if (fits === true) return value
      refuseAnswer(fits, 'filter')
      return null
    }
    return this.#derive('GLOBALKTABLE-FILTER-', { ...options, value: this.#parts.value }, keep)
  }

  /** The table of mapped rows. A mapper that returns null removes the row. It is called as a filter's predicate is. */
  map<V2>(mapper: (value: V, key: K) => V2 | null, options: StoreValueOptions<V2> = {}): GlobalKTable<K, V2> {
    assertFunctions('map', { mapper })
    assertOptions('map', options, optionNames.storeValue)
    const value = options.value ?? (defaultValueCodec as Codec<V2>)
    return this.#derive('GLOBALKTABLE-MAPVALUES-', { ...options, value }, mapper as Mapper)
  }

  /** Returns the handle that queries its rows on each instance, once the application runs. */
  view(name: string, options: ViewOptions<V> = {}): View<K, V> {
    assertOptions('view', options, optionNames.view)
    const { plan, store, value } = this.#parts
    const view = new View<K, V>(name, options)
    plan.addView({ name, table: { ...newTableState(value), store }, view })
    return view
  }

  /** What a processor that names the table under its `stores` gets: all rows of all partitions, read only. */
  get [CONNECTION](): StoreConnection<ReadOnlyStore<K, V>> {
    const { plan, store, key } = this.#parts
    return {
      connect: other => assertSamePlan(plan, other),
      names: () => [store],
      open: context => readOnlyStore<K, V>(context.keyValue(store), key),
    }
  }

  #derive<V2>(
    prefix: string,
    { store: name, value, ...options }: StoreOptions & { readonly value: Codec<V2> },
    next: Mapper,
  ): GlobalKTable<K, V2> {
    const { plan, topic, key, row: before } = this.#parts
    assertLogged(topic, options)
    const store = name ?? plan.names.store(prefix)
    const row = before === undefined ? next : chained(before, next)
    const derived = { value: topic.value, row }
    plan.addGlobalTable({ topic: topic.name, store, key, value, isNamed: name !== undefined, derived })
    return new GlobalKTable({ plan, topic, store, key, value, row })
  }

  /** For the operators that join it. */
  static partsOf<K, V>(table: GlobalKTable<K, V>): GlobalParts<K, V> {
    return table.#parts
  }
}

/** Functions never see null. */
function chained(first: Mapper, second: Mapper): Mapper {
  return (value, key) => {
    const between = first(value, key)
    return between === null || between === undefined ? null : second(between, key)
  }
}
