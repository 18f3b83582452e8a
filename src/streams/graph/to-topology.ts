import { assertTopicName } from '../../contracts/topic.ts'
import { EvertError } from '../../errors.ts'
import { assert } from '../../internal/assert.ts'
import { nullKeyFilter } from '../processors/null-key-filter.ts'
import { passThrough } from '../processors/pass-through.ts'
import type { ProcessorFactory } from '../processors/processor.ts'
import { assertExplicitNames } from './explicit-names.ts'
import { mergeRepartitions, type PlanParts } from './merge-repartitions.ts'
import type { Plan, PlanNode, PlanStore, Repartition } from './plan.ts'
import type {
  InternalTopic,
  StoreDefinition,
  SubTopology,
  Topology,
  TopologyNode,
  ViewRegistration,
} from './topology.ts'

/**
 * As Kafka Streams names them (`topology.optimization`).
 *
 * - `merge.repartition.topics`: groupings and joins behind one new key share one repartition topic.
 * - `reuse.ktable.source.topics`: the topic of a table is its changelog. Always there.
 * - `single.store.self.join`: a stream that is joined with itself keeps its records once. Always there.
 */
export type Optimization =
  | 'merge.repartition.topics'
  | 'reuse.ktable.source.topics'
  | 'single.store.self.join'

export interface TopologyOptions {
  /**
   * Refuses a topology in which a store, its changelog or a repartition topic has a generated name (KIP-1111). Default
   * false.
   */
  readonly explicitNames?: boolean
  /**
   * Optimisations of the plan, see `Optimization`. Default none of those that are not always there.
   */
  readonly optimize?: 'all' | readonly Optimization[]
}

/** Fixes the plan: physical names, sub-topologies, stores. Throws INVALID_TOPOLOGY. */
export function toTopology(
  declared: Plan,
  applicationId: string,
  { explicitNames = false, optimize = [] }: TopologyOptions = {},
): Topology {
  const merges = optimize === 'all' || optimize.includes('merge.repartition.topics')
  const plan = merges ? mergeRepartitions(declared) : declared
  if (plan.nodes.length === 0 && plan.globalTables.length === 0) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The application "${applicationId}" reads no topic. Declare a stream or a table before it starts.`,
    )
  }
  const builder = new TopologyBuilder(plan, applicationId)
  const topology: Topology = {
    applicationId,
    subTopologies: components(plan).map((nodes, id) => builder.subTopology(nodes, id)),
    topics: [...plan.topics.values()],
    globalTables: plan.keptGlobalTables().map(({ topic, store, key, value, derived }) => ({
      topic,
      derived,
      store: {
        name: store,
        kind: 'keyValue',
        key,
        value,
        changelog: { topic, isSource: true, configs: {} },
      },
    })),
    views: builder.views(),
    generatedNames: builder.generatedNames(),
  }
  if (explicitNames) assertExplicitNames(topology)
  return topology
}

class TopologyBuilder {
  readonly #plan: PlanParts
  readonly #applicationId: string
  readonly #stores: Map<string, PlanStore>
  readonly #children = new Map<PlanNode, PlanNode[]>()

  constructor(plan: PlanParts, applicationId: string) {
    this.#plan = plan
    this.#applicationId = applicationId
    this.#stores = new Map(plan.stores.map(store => [store.name, store]))
    for (const node of plan.nodes) {
      for (const parent of node.parents) {
        const siblings = this.#children.get(parent)
        if (siblings === undefined) this.#children.set(parent, [node])
        else siblings.push(node)
      }
    }
  }

  subTopology(nodes: readonly PlanNode[], id: number): SubTopology {
    const sources = nodes.filter(node => node.kind === 'source')
    const topics = sources.flatMap(source => source.topics)
    const used = new Set(nodes.flatMap(node => (node.kind === 'processor' ? node.stores() : [])))
    const globalStores = this.#plan.globalTables.map(table => table.store).filter(store => used.has(store))
    const stores = [...used].filter(store => !globalStores.includes(store))
    return {
      id,
      nodes: nodes.map(node => this.#node(node)),
      sourceTopics: topics.filter(topic => typeof topic === 'string'),
      repartitionSources: topics
        .filter(topic => typeof topic === 'object')
        .map(topic => this.#internal(topic)),
      repartitionSinks: [
        ...new Set(
          nodes.flatMap(node =>
            node.kind === 'sink' && typeof node.topic === 'object' ? [this.#topicName(node.topic)] : [],
          ),
        ),
      ],
      stores: stores.map(name => this.#store(name)),
      globalStores,
      coPartitionGroups: this.#coPartitionGroups(nodes),
    }
  }

  views(): ViewRegistration[] {
    return this.#plan.views.map(({ name, table, view }) => {
      assert(table.store !== undefined, `the table of view ${name} keeps no rows`)
      return { name, store: this.#plan.given.of(table.store), view }
    })
  }

  generatedNames(): string[] {
    const { stores, repartitions, given, names } = this.#plan
    const globalTables = this.#plan.keptGlobalTables()
    const known = [...stores.map(each => each.name), ...globalTables.map(each => each.store)]
    return [...known, ...repartitions.map(each => each.name)]
      .map(name => given.of(name))
      .filter(name => names.isMade(name))
  }

  #node(node: PlanNode): TopologyNode {
    const base = {
      name: node.name,
      parents: node.parents.map(parent => parent.name),
      children: (this.#children.get(node) ?? []).map(child => child.name),
    }
    if (node.kind === 'processor') {
      const create =
        node.create === nullKeyFilter && this.#leadsToRelaxedJoin(node) ? passThrough : node.create
      const known = node.stores()
      const stores = known.map(store => this.#plan.given.of(store))
      const isRenamed = stores.some((store, i) => store !== known[i])
      const { isHidden, isRouter } = node
      return {
        ...base,
        kind: 'processor',
        stores,
        isHidden,
        isRouter,
        create: isRenamed ? this.#opensGiven(create) : create,
      }
    }
    const { key, value, changes } = node
    return node.kind === 'source'
      ? {
          ...base,
          kind: 'source',
          topics: node.topics.map(topic => this.#topicName(topic)),
          key,
          value,
          changes,
          timestamp: node.timestamp,
          onError: node.onError,
        }
      : {
          ...base,
          kind: 'sink',
          topic: this.#topicName(node.topic),
          key,
          value,
          changes,
          partition: node.partition,
        }
  }

  /** The operator knows its stores by their generated names, the task by those given later. */
  #opensGiven(create: ProcessorFactory): ProcessorFactory {
    const { given } = this.#plan
    return (context, next, children) =>
      create({ ...context, keyValue: store => context.keyValue(given.of(store)) }, next, children)
  }

  /** Downstream of a repartition's filter, across the topic and further ones. */
  #leadsToRelaxedJoin(node: PlanNode): boolean {
    if (node.relaxesNullKeys) return true
    const children = this.#children.get(node) ?? []
    const readers =
      node.kind === 'sink'
        ? this.#plan.nodes.filter(other => other.kind === 'source' && other.topics.includes(node.topic))
        : []
    return [...children, ...readers].some(next => this.#leadsToRelaxedJoin(next))
  }

  #store(known: string): StoreDefinition {
    const store = this.#stores.get(known)
    assert(store !== undefined, `the store ${known} was never declared`)
    const { key, value, sourceTopic, logged = true, isHidden = false } = store
    const name = this.#plan.given.of(known)
    if (!logged) return { name, kind: 'keyValue', key, value, isHidden, changelog: undefined }
    const changelog =
      sourceTopic === undefined
        ? { topic: `${this.#applicationId}-${name}-changelog`, isSource: false, configs: COMPACTED }
        : { topic: sourceTopic, isSource: true, configs: {} }
    assertTopicName(changelog.topic)
    return { name, kind: 'keyValue', key, value, isHidden, changelog }
  }

  #coPartitionGroups(nodes: readonly PlanNode[]): string[][] {
    const groups: Set<string>[] = []
    for (const { sources } of this.#plan.coPartitioned) {
      const topics = sources
        .filter(source => nodes.includes(source))
        .flatMap(source =>
          source.kind === 'source' ? source.topics.map(topic => this.#topicName(topic)) : [],
        )
      if (topics.length < 2) continue
      const touched = groups.filter(group => topics.some(topic => group.has(topic)))
      const merged = new Set([...touched.flatMap(group => [...group]), ...topics])
      for (const group of touched) groups.splice(groups.indexOf(group), 1)
      groups.push(merged)
    }
    return groups.map(group => [...group])
  }

  #internal(repartition: Repartition): InternalTopic {
    return {
      name: this.#topicName(repartition),
      logicalName: this.#plan.given.of(repartition.name),
      partitions: repartition.partitions,
      configs: PURGED,
    }
  }

  #topicName(topic: string | Repartition): string {
    const name =
      typeof topic === 'string' ? topic : `${this.#applicationId}-${this.#plan.given.of(topic.name)}`
    assertTopicName(name)
    return name
  }
}

const COMPACTED = { 'cleanup.policy': 'compact' }
/** Kept until it was processed, then purged by the application. */
const PURGED = { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'segment.bytes': '52428800' }

/** The weakly connected parts of the graph, by parents and by shared stores, in order of their first node. */
function components(plan: PlanParts): PlanNode[][] {
  const leaders = new Map<PlanNode, PlanNode>(plan.nodes.map(node => [node, node]))
  const leaderOf = (node: PlanNode): PlanNode => {
    let at = node
    for (;;) {
      const above = leaders.get(at) as PlanNode
      if (above === at) return at
      at = above
    }
  }
  const connect = (a: PlanNode, b: PlanNode) => leaders.set(leaderOf(a), leaderOf(b))
  const storeUsers = new Map<string, PlanNode>()
  for (const node of plan.nodes) {
    for (const parent of node.parents) connect(node, parent)
    if (node.kind !== 'processor') continue
    for (const store of node.stores()) {
      // A global table is everywhere and ties nothing together.
      if (plan.globalTables.some(table => table.store === store)) continue
      const user = storeUsers.get(store)
      if (user === undefined) storeUsers.set(store, node)
      else connect(node, user)
    }
  }
  const parts = new Map<PlanNode, PlanNode[]>()
  for (const node of plan.nodes) {
    const leader = leaderOf(node)
    const part = parts.get(leader)
    if (part === undefined) parts.set(leader, [node])
    else part.push(node)
  }
  return [...parts.values()]
}
