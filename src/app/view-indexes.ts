import type { Topology } from '../streams/graph/topology.ts'
import type { View } from '../streams/dsl/view.ts'
import type { StoreObserver } from '../streams/state/store-observer.ts'
import { SecondaryIndexes } from '../views/secondary-index.ts'

export type AnyView = View<unknown, Record<string, unknown>>

/** Makes the observers that keep the indexes of the topology's views. */
export function indexedBy(topology: Topology): (store: string) => StoreObserver<unknown>[] {
  return store => {
    // Several views of one store share one set of indexes.
    const fields = topology.views
      .filter(registration => registration.store === store)
      .flatMap(({ view }) => (view as AnyView).options.indexes)
    return fields.length === 0 ? [] : [new SecondaryIndexes(store, fields)]
  }
}
