import { configureTopology } from '../broker/coordinators/streams/topology.ts'
import { EvertError } from '../errors.ts'
import type { SubTopology, Topology } from '../streams/graph/topology.ts'
import type { PartitionCount } from '../streams/processors/sink.ts'
import { groupTopology } from '../streams/runtime/group-topology.ts'

/** Of all external topics, or by topic; those that are not named have one. */
export type Partitions = number | Readonly<Record<string, number>>

/**
 * How many partitions each topic of a test driver has. Those of internal topics follow as they do in a cluster, by the
 * rules of the group's coordinator; without `partitions` everything has one. Throws INVALID_ARGUMENT, and
 * INVALID_TOPOLOGY as a cluster refuses inputs that are joined and not partitioned alike.
 */
export function partitionCounts(topology: Topology, partitions: Partitions | undefined): PartitionCount {
  if (partitions === undefined) return () => 1
  const numbers = typeof partitions === 'number' ? [['', partitions] as const] : Object.entries(partitions)
  for (const [topic, count] of numbers) assertCount(topic, count)
  if (typeof partitions !== 'number') assertExternal(topology, Object.keys(partitions))
  const ofExternal = (topic: string) =>
    typeof partitions === 'number' ? partitions : Object.hasOwn(partitions, topic) ? partitions[topic] : 1
  const { internalTopics, problem } = configureTopology(groupTopology(topology), topic =>
    isInternal(topology, topic) ? undefined : ofExternal(topic),
  )
  if (problem !== undefined) throw new EvertError('INVALID_TOPOLOGY', problem.detail)
  const ofInternal = new Map(internalTopics.map(topic => [topic.name, topic.partitions]))
  return topic => ofInternal.get(topic) ?? (ofExternal(topic) as number)
}

/** As many tasks has a sub-topology. */
export function taskCount(subTopology: SubTopology, partitionsOf: PartitionCount): number {
  return Math.max(...inputsOf(subTopology).map(partitionsOf))
}

/** The topics that its tasks read. */
export function inputsOf({ sourceTopics, repartitionSources }: SubTopology): string[] {
  return [...sourceTopics, ...repartitionSources.map(topic => topic.name)]
}

function isInternal(topology: Topology, name: string): boolean {
  return internalNames(topology).has(name)
}

/** Of repartition topics and of changelogs that are nobody's source. */
function internalNames({ subTopologies }: Topology): Set<string> {
  return new Set(
    subTopologies.flatMap(({ repartitionSources, stores }) => [
      ...repartitionSources.map(topic => topic.name),
      ...stores.flatMap(({ changelog }) =>
        changelog === undefined || changelog.isSource ? [] : [changelog.topic],
      ),
    ]),
  )
}

function assertCount(topic: string, count: number): void {
  if (Number.isInteger(count) && count >= 1) return
  throw new EvertError(
    'INVALID_ARGUMENT',
    `partitions${topic && ` of "${topic}"`} must be a whole number, 1 or more; got ${count}.`,
  )
}

function assertExternal({ topics }: Topology, named: readonly string[]): void {
  const known = topics.map(({ name }) => name)
  const unknown = named.find(name => !known.includes(name))
  if (unknown === undefined) return
  throw new EvertError(
    'INVALID_ARGUMENT',
    `partitions names the topic "${unknown}", which the topology neither reads nor writes. ` +
      `Its topics are ${known.join(', ')}; those of repartition topics follow from them.`,
  )
}
