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
  const sizes = sizesOf(part)
  const bySize = (a: string, b: string) =>
    (sizes.get(b) as number) - (sizes.get(a) as number) || (a < b ? -1 : 1)
  const nodes = part.nodes.map(node => ({
    kind: node.kind,
    name: node.name,
    topics: topicsOf(node).map(logical),
    stores: node.kind === 'processor' ? node.stores : [],
    parents: node.parents,
    children: node.children,
  }))
  return { id: part.id, nodes: nodes.toSorted((a, b) => bySize(a.name, b.name)) }
}

function topicsOf(node: TopologyNode): readonly string[] {
  if (node.kind === 'source') return node.topics
  return node.kind === 'sink' ? [node.topic] : []
}

/** Nodes with more below them come first, so that every line follows what it refers to. */
function sizesOf(part: SubTopology): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const node of part.nodes.toReversed()) {
    const below = node.children.reduce((sum, child) => sum + (sizes.get(child) as number), 0)
    sizes.set(node.name, 1 + below)
  }
  return sizes
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
