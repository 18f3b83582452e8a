import type { Codec } from '../../contracts/codec.ts'
import type { Plan } from '../graph/plan.ts'
import { type ReadOnlyStore, readOnlyStore } from '../processors/processor-store.ts'
import { CONNECTION, type StoreConnection, type StoreDeclaration } from '../processors/store-declaration.ts'
import { assertSamePlan } from './table-connection.ts'
import { newTableState } from './table-parts.ts'
import { View, type ViewOptions } from './view.ts'

interface GlobalParts<K, V> {
  readonly plan: Plan
  readonly store: string
  readonly key: Codec<K>
  readonly value: Codec<V>
}

/** A table that every instance holds completely (Kafka Streams: GlobalKTable): streams join it by any key. */
export class GlobalKTable<K, V> implements StoreDeclaration<ReadOnlyStore<K, V>> {
  readonly #parts: GlobalParts<K, V>

  constructor(parts: GlobalParts<K, V>) {
    this.#parts = parts
  }

  /** Returns the handle that queries its rows on each instance, once the application runs. */
  view(name: string, options: ViewOptions<V> = {}): View<K, V> {
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

  /** For the operators that join it. */
  static partsOf<K, V>(table: GlobalKTable<K, V>): GlobalParts<K, V> {
    return table.#parts
  }
}
