import { bareName } from './given-names.ts'
import type { OperatorLayout, StateLayout } from './state-layout.ts'

/**
 * Where the results of each operator go, as far as that has a name that somebody chose: the topics that are written,
 * and the named operators and stores, downstream of it, also across repartition topics. Sorted.
 *
 * Generated names follow the place in the topology, and these places do not: they tell like operators apart.
 */
export function destinationsOf(layout: StateLayout): ReadonlyMap<string, readonly string[]> {
  const children = childrenOf(layout)
  const generated = new Set(layout.stores.filter(store => store.isGenerated).map(({ name }) => name))
  const internal = new Set(layout.repartitions.map(({ name }) => name))
  const own = ({ name, topics, stores, parents = [] }: OperatorLayout, isFirst: boolean) => [
    ...(parents.length === 0 ? [] : topics.filter(topic => !internal.has(topic))),
    ...(isFirst ? [] : stores.filter(store => !generated.has(store))),
    ...(isFirst || parents.length === 0 || bareName(name) !== name ? [] : [name]),
  ]
  const destinations = new Map<string, readonly string[]>()
  for (const operator of layout.operators) {
    const reached = new Set([operator])
    const places = new Set<string>()
    // Also walks what is added on the way; topologies may have cycles over topics.
    for (const each of reached) {
      for (const place of own(each, each === operator)) places.add(place)
      for (const child of children.get(each.name) ?? []) reached.add(child)
    }
    destinations.set(operator.name, [...places].toSorted())
  }
  return destinations
}

function childrenOf({
  operators,
  repartitions,
}: StateLayout): ReadonlyMap<string, readonly OperatorLayout[]> {
  const children = new Map<string, OperatorLayout[]>(operators.map(({ name }) => [name, []]))
  for (const operator of operators) {
    for (const parent of operator.parents ?? []) children.get(parent)?.push(operator)
  }
  for (const { name: topic } of repartitions) {
    const users = operators.filter(({ topics }) => topics.includes(topic))
    const isReader = ({ parents = [] }: OperatorLayout) => parents.length === 0
    const readers = users.filter(isReader)
    for (const writer of users) if (!isReader(writer)) children.get(writer.name)?.push(...readers)
  }
  return children
}
