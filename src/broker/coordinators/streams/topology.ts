/*
 * From what a member says about its topology to numbers of partitions (KIP-1071).
 *
 * Algorithm. A repartition topic without a number takes the greatest number of partitions that its upstream
 * sub-topologies read, as far as that is known where topics lead in a circle; co-partitioned inputs are then made
 * equal, and what follows from a changed number is computed again until nothing changes. A sub-topology has as many
 * tasks as its widest input; a changelog as many partitions as tasks.
 *
 * State. None: a function of the topology and of the partition counts that exist.
 *
 * Why it ends. Every round that does not resolve another topic or change a number is the last, numbers settle on
 * those of source topics, fixed topics or a maximum of them, and rounds are limited by the number of topics.
 */
import type { Message } from '../../../wire/field.ts'
import type { streamsGroupHeartbeat } from '../../../wire/messages/streams-group-heartbeat.ts'

export type Topology = NonNullable<Message<typeof streamsGroupHeartbeat.request.fields>['topology']>
export type Subtopology = Topology['subtopologies'][number]

export interface InternalTopic {
  readonly name: string
  readonly partitions: number
  readonly configs: readonly { readonly name: string; readonly value: string }[]
}

export interface ConfiguredSubtopology {
  readonly id: string
  readonly tasks: number
  readonly isStateful: boolean
  /** Source and repartition topics that its tasks read. */
  readonly inputs: readonly { readonly topic: string; readonly partitions: number }[]
}

export interface Problem {
  readonly status: number
  readonly detail: string
}

export interface ConfiguredTopology {
  readonly subtopologies: readonly ConfiguredSubtopology[]
  /** Topics that the broker must make where they are missing. */
  readonly internalTopics: readonly InternalTopic[]
  /** Why there are no tasks, if there are none. */
  readonly problem: Problem | undefined
}

/** Codes of the heartbeat answer's status. */
export const groupStatus = {
  STALE_TOPOLOGY: 0,
  MISSING_SOURCE_TOPICS: 1,
  INCORRECTLY_PARTITIONED_TOPICS: 2,
  MISSING_INTERNAL_TOPICS: 3,
  SHUTDOWN_APPLICATION: 4,
} as const

export type PartitionCount = (topic: string) => number | undefined

export function configureTopology(topology: Topology, existing: PartitionCount): ConfiguredTopology {
  const { subtopologies } = topology
  const counts = new Map<string, number>()
  const fixed = new Set<string>()
  for (const { repartitionSourceTopics } of subtopologies) {
    for (const { name, partitions } of repartitionSourceTopics) {
      if (partitions > 0) {
        counts.set(name, partitions)
        fixed.add(name)
      }
    }
  }
  const repartition = new Set(
    subtopologies.flatMap(sub => sub.repartitionSourceTopics.map(({ name }) => name)),
  )
  const count: PartitionCount = topic => (repartition.has(topic) ? counts.get(topic) : existing(topic))

  const missing = subtopologies
    .flatMap(sub => sub.sourceTopics)
    .filter(topic => !repartition.has(topic) && existing(topic) === undefined)
  if (missing.length > 0) {
    const names = [...new Set(missing)].toSorted().join(', ')
    return failed(groupStatus.MISSING_SOURCE_TOPICS, `Source topics ${names} are missing.`)
  }

  const problem = settle(subtopologies, { counts, fixed, repartition, count })
  if (problem !== undefined) return failed(problem.status, problem.detail)
  const configured = subtopologies.map(sub => {
    const inputs = inputsOf(sub).map(topic => ({ topic, partitions: count(topic) ?? 0 }))
    return {
      id: sub.subtopologyId,
      tasks: Math.max(0, ...inputs.map(({ partitions }) => partitions)),
      isStateful: sub.stateChangelogTopics.length > 0,
      inputs,
    }
  })
  const internalTopics = internalTopicsOf(subtopologies, configured, count)
  for (const { name, partitions } of internalTopics) {
    const present = existing(name)
    if (present !== undefined && present !== partitions) {
      const detail = `Internal topic ${name} has ${present} partitions and should have ${partitions}.`
      return failed(groupStatus.INCORRECTLY_PARTITIONED_TOPICS, detail)
    }
  }
  return { subtopologies: configured, internalTopics, problem: undefined }
}

interface Counting {
  readonly counts: Map<string, number>
  /** Repartition topics whose number is given, or follows from co-partitioning. */
  readonly fixed: Set<string>
  readonly repartition: ReadonlySet<string>
  readonly count: PartitionCount
}

function settle(subtopologies: readonly Subtopology[], counting: Counting): Problem | undefined {
  const { counts, fixed, repartition } = counting
  // Each round fixes at least one topic for good, or is the last.
  for (let round = 0; round <= repartition.size; round++) {
    for (const topic of counts.keys()) if (!fixed.has(topic)) counts.delete(topic)
    derive(subtopologies, counting)
    const before = fixed.size
    for (const sub of subtopologies) {
      for (const group of sub.copartitionGroups) {
        const problem = equalise(sub, group, counting)
        if (problem !== undefined) return problem
      }
    }
    if (fixed.size === before) break
  }
  const open = [...repartition].filter(topic => !counts.has(topic))
  if (open.length === 0) return undefined
  return {
    status: groupStatus.INCORRECTLY_PARTITIONED_TOPICS,
    detail: `The number of partitions of ${open.toSorted().join(', ')} follows from no upstream topic.`,
  }
}

/** Topics that lead in a circle (a foreign-key join's question and answer) take what is known upstream. */
function derive(subtopologies: readonly Subtopology[], counting: Counting): void {
  while (deriveOnce(subtopologies, counting, 'all') || deriveOnce(subtopologies, counting, 'some'));
}

/** Gives one topic its number, from upstream topics of which all, or some, are known; false when there is none. */
function deriveOnce(
  subtopologies: readonly Subtopology[],
  { counts, repartition, count }: Counting,
  needed: 'all' | 'some',
): boolean {
  for (const topic of repartition) {
    if (counts.has(topic)) continue
    const upstream = subtopologies.filter(sub => sub.repartitionSinkTopics.includes(topic))
    const widths = upstream.flatMap(sub => inputsOf(sub).map(count))
    const known = widths.filter(width => width !== undefined)
    if (known.length === 0 || (needed === 'all' && known.length < widths.length)) continue
    counts.set(topic, Math.max(...known))
    return true
  }
  return false
}

function equalise(
  sub: Subtopology,
  group: Subtopology['copartitionGroups'][number],
  { counts, fixed, count }: Counting,
): Problem | undefined {
  const sources = group.sourceTopics.map(index => sub.sourceTopics[index] ?? '')
  const internal = group.repartitionSourceTopics.map(index => sub.repartitionSourceTopics[index]?.name ?? '')
  const given = [...sources, ...internal.filter(topic => fixed.has(topic))]
  const widths = new Set(given.map(topic => count(topic)))
  if (widths.size > 1) {
    const list = given.map(topic => `${topic} (${count(topic)})`).join(', ')
    return {
      status: groupStatus.INCORRECTLY_PARTITIONED_TOPICS,
      detail: `Topics that are joined need the same number of partitions: ${list}.`,
    }
  }
  const [width] = widths
  const wanted = width ?? Math.max(0, ...internal.map(topic => counts.get(topic) ?? 0))
  if (wanted === 0) return undefined
  for (const topic of internal) {
    if (fixed.has(topic)) continue
    counts.set(topic, wanted)
    fixed.add(topic)
  }
  return undefined
}

function internalTopicsOf(
  subtopologies: readonly Subtopology[],
  configured: readonly ConfiguredSubtopology[],
  count: PartitionCount,
): InternalTopic[] {
  const topics = new Map<string, InternalTopic>()
  for (const [index, sub] of subtopologies.entries()) {
    for (const { name, topicConfigs } of sub.repartitionSourceTopics) {
      topics.set(name, { name, partitions: count(name) ?? 0, configs: named(topicConfigs) })
    }
    for (const { name, partitions, topicConfigs } of sub.stateChangelogTopics) {
      const width = partitions > 0 ? partitions : (configured[index]?.tasks ?? 0)
      topics.set(name, { name, partitions: width, configs: named(topicConfigs) })
    }
  }
  return [...topics.values()]
}

function inputsOf(sub: Subtopology): string[] {
  return [...sub.sourceTopics, ...sub.repartitionSourceTopics.map(({ name }) => name)]
}

function named(configs: readonly { readonly key: string; readonly value: string }[]) {
  return configs.map(({ key, value }) => ({ name: key, value }))
}

function failed(status: number, detail: string): ConfiguredTopology {
  return { subtopologies: [], internalTopics: [], problem: { status, detail } }
}
