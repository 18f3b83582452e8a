import { inKafkaOrder } from './describe-order.ts'
import { javaHashOrder } from './java-order.ts'
import type { SubTopology, Topology, TopologyNode } from './topology.ts'

/** A topology as plain data, for tools and tests: names only, internal topics without the application id. */
export interface TopologyDescription {
  readonly subTopologies: readonly SubTopologyDescription[]
}

export interface SubTopologyDescription {
  readonly id: number
  readonly nodes: readonly NodeDescription[]
}

export interface NodeDescription {
  readonly kind: 'source' | 'processor' | 'sink'
  readonly name: string
  /** Of a source; a sink has one. */
  readonly topics: readonly string[]
  readonly stores: readonly string[]
  readonly parents: readonly string[]
  readonly children: readonly string[]
}

export function describe(topology: Topology): TopologyDescription {
  const prefix = `${topology.applicationId}-`
  const internal = new Set(
    topology.subTopologies.flatMap(part => part.repartitionSources.map(topic => topic.name)),
  )
  const logical = (topic: string) => (internal.has(topic) ? topic.slice(prefix.length) : topic)
  return { subTopologies: topology.subTopologies.map(part => describeSubTopology(part, logical)) }
}

/** The same as text, in the format of Kafka Streams' `Topology#describe`, which visualisers read. */
export function describeAsText(topology: Topology): string {
  const parts = describe(topology).subTopologies.map(
    ({ id, nodes }) => `  Sub-topology: ${id}\n${nodes.map(nodeText).join('')}\n`,
  )
  return `Topologies:\n ${parts.join('')}`
}

function describeSubTopology(part: SubTopology, logical: (topic: string) => string): SubTopologyDescription {
  const hiddenStores = new Set(part.stores.filter(store => store.isHidden === true).map(({ name }) => name))
  for (const name of part.globalStores) hiddenStores.add(name)
  const nodes = inKafkaOrder(withoutHidden(part.nodes)).map(({ node, parents, children }) => ({
    kind: node.kind,
    name: node.name,
    topics: topicsOf(node).map(logical),
    stores:
      node.kind === 'processor' ? javaHashOrder(node.stores.filter(name => !hiddenStores.has(name))) : [],
    parents,
    children,
  }))
  return { id: part.id, nodes }
}

/** What comes after a hidden node comes after the one before it. */
function withoutHidden(nodes: readonly TopologyNode[]): readonly TopologyNode[] {
  const hidden = new Map(nodes.filter(isHidden).map(node => [node.name, node]))
  if (hidden.size === 0) return nodes
  const shown =
    (side: 'parents' | 'children') =>
    (name: string): readonly string[] =>
      hidden.get(name)?.[side].flatMap(shown(side)) ?? [name]
  return nodes
    .filter(({ name }) => !hidden.has(name))
    .map(node => ({
      ...node,
      parents: node.parents.flatMap(shown('parents')),
      children: node.children.flatMap(shown('children')),
    }))
}

function isHidden(node: TopologyNode): boolean {
  return node.kind === 'processor' && node.isHidden && node.stores.length === 0
}

function topicsOf(node: TopologyNode): readonly string[] {
  if (node.kind === 'source') return node.topics
  return node.kind === 'sink' ? [node.topic] : []
}

function nodeText({ kind, name, topics, stores, parents, children }: NodeDescription): string {
  const to = `      --> ${names(children)}\n`
  const from = `      <-- ${names(parents)}\n`
  if (kind === 'source') return `    Source: ${name} (topics: [${topics.join(', ')}])\n${to}`
  if (kind === 'sink') return `    Sink: ${name} (topic: ${topics[0]})\n${from}`
  return `    Processor: ${name} (stores: [${stores.join(', ')}])\n${to}${from}`
}

function names(list: readonly string[]): string {
  return list.length === 0 ? 'none' : list.join(', ')
}
