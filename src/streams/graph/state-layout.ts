import type { Topology, TopologyNode } from './topology.ts'

/**
 * What a topology keeps, under which names, and which operators keep it: plain data, the same for the same topology,
 * so that a later start can tell what changed (runtime/FORMAT.md).
 */
export interface StateLayout {
  readonly operators: readonly OperatorLayout[]
  readonly stores: readonly StoreLayout[]
  readonly repartitions: readonly RepartitionLayout[]
}

export interface OperatorLayout {
  readonly name: string
  /** What it is: a generated name without its number, a name that was given as it is. */
  readonly type: string
  /** Of a source or a sink: internal ones without the application id. */
  readonly topics: readonly string[]
  /** The external topics that its records come from, sorted. */
  readonly from: readonly string[]
  /** Stores that it opens. */
  readonly stores: readonly string[]
  /** Names of the operators that its records come from; not in layouts of the first releases. */
  readonly parents?: readonly string[]
}

export interface StoreLayout {
  readonly name: string
  readonly isGenerated: boolean
  readonly kind: string
  /** Names of the formats of keys and values. */
  readonly key: string
  readonly value: string
  /** The topic that its rows are restored from; null when they are kept nowhere else. */
  readonly changelog: string | null
  /** That topic is read and not written by the application. */
  readonly isSource: boolean
  readonly subTopology: number
}

export interface RepartitionLayout {
  /** Without the application id. */
  readonly name: string
  readonly topic: string
  readonly isGenerated: boolean
  readonly key: string
  readonly value: string
}

export function stateLayout(topology: Topology): StateLayout {
  const prefix = `${topology.applicationId}-`
  const nodes = topology.subTopologies.flatMap(part => part.nodes)
  const internal = new Map(
    topology.subTopologies.flatMap(part =>
      part.repartitionSources.map(each => [each.name, each.logicalName] as const),
    ),
  )
  const origins = originsOf(nodes, topic => internal.has(topic))
  const isGenerated = (name: string) => topology.generatedNames.includes(name)
  return {
    operators: nodes.map(node => ({
      name: node.name,
      type: node.name.replace(GENERATED_NUMBER, ''),
      topics: topicsOf(node).map(topic => internal.get(topic) ?? topic),
      from: [...(origins.get(node.name) ?? [])].toSorted(),
      stores: node.kind === 'processor' ? node.stores : [],
      parents: node.parents,
    })),
    stores: topology.subTopologies.flatMap(part =>
      part.stores.map(({ name, kind, key, value, changelog }) => ({
        name,
        isGenerated: isGenerated(name),
        kind,
        key: key.name,
        value: value.name,
        changelog: changelog?.topic ?? null,
        isSource: changelog?.isSource ?? false,
        subTopology: part.id,
      })),
    ),
    repartitions: nodes.flatMap(node => {
      if (node.kind !== 'source') return []
      return node.topics
        .filter(topic => internal.has(topic))
        .map(topic => ({
          name: topic.slice(prefix.length),
          topic,
          isGenerated: isGenerated(topic.slice(prefix.length)),
          key: node.key.name,
          value: node.changes ? `change-${node.value.name}` : node.value.name,
        }))
    }),
  }
}

const GENERATED_NUMBER = /-[0-9]{10}$/

function topicsOf(node: TopologyNode): readonly string[] {
  if (node.kind === 'source') return node.topics
  return node.kind === 'sink' ? [node.topic] : []
}

/** The external topics upstream of each node, also across repartition topics. */
function originsOf(
  nodes: readonly TopologyNode[],
  isInternal: (topic: string) => boolean,
): ReadonlyMap<string, ReadonlySet<string>> {
  const byName = new Map(nodes.map(node => [node.name, node]))
  const writers = new Map<string, TopologyNode[]>()
  for (const node of nodes) {
    if (node.kind === 'sink') writers.set(node.topic, [...(writers.get(node.topic) ?? []), node])
  }
  const origins = new Map<string, Set<string>>()
  const visit = (node: TopologyNode): Set<string> => {
    const known = origins.get(node.name)
    if (known !== undefined) return known
    const found = new Set<string>()
    origins.set(node.name, found)
    for (const topic of node.kind === 'source' ? node.topics : []) {
      if (!isInternal(topic)) found.add(topic)
      else for (const writer of writers.get(topic) ?? []) for (const each of visit(writer)) found.add(each)
    }
    for (const parent of node.parents) {
      for (const each of visit(byName.get(parent) as TopologyNode)) found.add(each)
    }
    return found
  }
  for (const node of nodes) visit(node)
  return origins
}
