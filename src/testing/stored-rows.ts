import { EvertError } from '../errors.ts'
import type { View } from '../streams/dsl/view.ts'
import type { Topology } from '../streams/graph/topology.ts'

export interface StoredRow<K, V> {
  readonly key: K
  readonly value: V
  readonly timestamp: number
}

/** The store of a view, or the name itself. Throws INVALID_ARGUMENT when the view is not of the topology. */
export function storeNameOf<K, V>(views: Topology['views'], from: View<K, V> | string): string {
  if (typeof from === 'string') return from
  const found = views.find(({ view }) => view === from)
  if (found !== undefined) return found.store
  throw new EvertError(
    'INVALID_ARGUMENT',
    `The view "${from.name}" is not of this topology. It has ` +
      `${views.map(({ name }) => name).join(', ') || 'none'}.`,
  )
}
