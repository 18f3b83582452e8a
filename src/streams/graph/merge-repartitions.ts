import { nullKeyFilter } from '../processors/null-key-filter.ts'
import type { Plan, PlanNode, Repartition } from './plan.ts'

/** What the topology is built from. */
export type PlanParts = Pick<
  Plan,
  | 'names'
  | 'given'
  | 'nodes'
  | 'stores'
  | 'repartitions'
  | 'coPartitioned'
  | 'views'
  | 'globalTables'
  | 'keptGlobalTables'
  | 'topics'
>

interface Mergeable {
  readonly topic: Repartition
  readonly filter: PlanNode
  readonly sink: PlanNode & { readonly kind: 'sink' }
  readonly source: PlanNode
}

/**
 * One repartition topic for all groupings and joins behind one operation that changes the key (Kafka Streams:
 * merge.repartition.topics).
 *
 * Algorithm: each repartition is traced back, over operators that change neither keys nor values, to the operation
 * that changed the key, or to where streams were merged. The topic of the first one there, directly behind that
 * operation, takes the place of all; the operators on the ways move behind it.
 *
 * Why it is correct: every moved operator sees the same records as before, now in the partitions of their keys, and
 * without those that have no key, which none of the repartitions would have let through.
 */
export function mergeRepartitions(plan: PlanParts): PlanParts {
  const groups = new Map<PlanNode, { readonly found: Mergeable; readonly way: readonly PlanNode[] }[]>()
  for (const found of mergeableOf(plan)) {
    const way: PlanNode[] = []
    let at = found.filter.parents[0] as PlanNode
    while (changesOf(at) === 'nothing') {
      way.unshift(at)
      at = at.parents[0] as PlanNode
    }
    const changes = changesOf(at)
    if (changes !== 'key' && changes !== 'merge') continue
    const group = groups.get(at)
    if (group === undefined) groups.set(at, [{ found, way }])
    else group.push({ found, way })
  }
  return groups.size === 0 ? plan : rebuilt(plan, groups)
}

function mergeableOf({ nodes }: PlanParts): Mergeable[] {
  const sources = new Map<unknown, PlanNode>()
  for (const node of nodes) {
    if (node.kind === 'source') for (const topic of node.topics) sources.set(topic, node)
  }
  return nodes.flatMap(sink => {
    if (sink.kind !== 'sink' || typeof sink.topic !== 'object' || sink.topic.isMergeable !== true) return []
    const { topic } = sink
    return [{ topic, sink, filter: sink.parents[0] as PlanNode, source: sources.get(topic) as PlanNode }]
  })
}

function changesOf(node: PlanNode): string | undefined {
  return node.kind === 'processor' ? node.changes : undefined
}

function rebuilt(
  plan: PlanParts,
  groups: ReadonlyMap<PlanNode, readonly { readonly found: Mergeable; readonly way: readonly PlanNode[] }[]>,
): PlanParts {
  const gone = new Set<PlanNode>()
  const droppedTopics = new Set<Repartition>()
  /** Nodes in whose place another one gives the records to their children. */
  const standIns = new Map<PlanNode, PlanNode>()
  /** First operators of the ways: they now read the merged topic. */
  const moved = new Map<PlanNode, PlanNode>()
  const added = new Map<PlanNode, PlanNode[]>()
  for (const [anchor, group] of groups) {
    const [first] = group
    if (first === undefined) continue
    const merged = mergedNodes(anchor, first.found)
    added.set(anchor, merged)
    const source = merged[2] as PlanNode
    for (const { found, way } of group) {
      for (const node of [found.filter, found.sink, found.source]) gone.add(node)
      if (found !== first.found) droppedTopics.add(found.topic)
      if (way.length > 0) moved.set(way[0] as PlanNode, source)
      standIns.set(found.source, way.at(-1) ?? source)
    }
  }
  const made = new Map<PlanNode, PlanNode>()
  const make = (node: PlanNode, parents: readonly PlanNode[]): PlanNode => {
    const copy: PlanNode = { ...node, parents: parents.map(parent => remade(parent)) }
    made.set(node, copy)
    return copy
  }
  const remade = (node: PlanNode): PlanNode => {
    const present = made.get(node)
    if (present !== undefined) return present
    const standIn = standIns.get(node)
    if (standIn !== undefined) return remade(standIn)
    const source = moved.get(node)
    return make(node, source === undefined ? node.parents : [source])
  }
  const nodes: PlanNode[] = []
  for (const node of plan.nodes) {
    if (!gone.has(node)) nodes.push(remade(node))
    for (const each of added.get(node) ?? []) nodes.push(remade(each))
  }
  return {
    ...partsOf(plan),
    nodes,
    repartitions: plan.repartitions.filter(topic => !droppedTopics.has(topic)),
    coPartitioned: plan.coPartitioned.map(({ operator, sources }) => ({
      operator,
      sources: [...new Set(sources.map(source => remade(sourceFor(source))))],
    })),
  }

  /** The merged source in whose partitions the records of a replaced one are now. */
  function sourceFor(source: PlanNode): PlanNode {
    for (const [anchor, group] of groups) {
      if (group.some(({ found }) => found.source === source))
        return (added.get(anchor) as PlanNode[])[2] as PlanNode
    }
    return source
  }
}

/** Filter, sink and source; they are named after the topic. */
function mergedNodes(anchor: PlanNode, { topic, sink, filter }: Mergeable): PlanNode[] {
  const { key, value } = sink
  const merged: PlanNode = {
    kind: 'processor',
    name: `${topic.name}-filter`,
    parents: [anchor],
    create: filter.kind === 'processor' ? filter.create : nullKeyFilter,
    stores: () => [],
    relaxesNullKeys: false,
    isHidden: false,
    isRouter: false,
    changes: undefined,
  }
  return [
    merged,
    { ...sink, name: `${topic.name}-sink`, parents: [merged] },
    {
      kind: 'source',
      name: `${topic.name}-source`,
      parents: [],
      topics: [topic],
      key,
      value,
      changes: false,
      relaxesNullKeys: false,
    },
  ]
}

function partsOf(plan: PlanParts): PlanParts {
  const { names, given, nodes, stores, repartitions, coPartitioned, views, globalTables, topics } = plan
  // The same operators read them, wherever they are.
  const keptGlobalTables = () => plan.keptGlobalTables()
  const kept = { names, given, stores, views, globalTables, keptGlobalTables, topics }
  return Object.assign(kept, { nodes, repartitions, coPartitioned })
}
