import { committedOffsets, listTopics } from '../../client/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import { describeGroup, type GroupDescription, listGroups } from '../../client/groups.ts'
import { EvertError } from '../../errors.ts'
import { type RewindEntry, readTopologyLog, topologyTopic } from '../runtime/topology-log.ts'
import type { InputOffset } from './rewind.ts'

/** What the cluster knows of an application that may not run, from its group and its layout. */
export interface KnownApplication {
  readonly applicationId: string
  readonly group: GroupDescription | undefined
  /** With the number of partitions. */
  readonly inputs: ReadonlyMap<string, number>
  readonly outputTopics: readonly string[]
  /** Those that are there. */
  readonly internalTopics: readonly string[]
  /** Names like those of internal topics, of nobody who is known. */
  readonly unknownTopics: readonly string[]
  /** Of all topics, also such that are not inputs any more. */
  readonly committed: readonly InputOffset[]
  readonly lastRewind: RewindEntry | undefined
  /** The last rewind, when it did not come to its end. */
  readonly unfinished: RewindEntry | undefined
}

/** Throws INVALID_ARGUMENT when the cluster knows nothing of the application. */
export async function knownApplication(cluster: Cluster, applicationId: string): Promise<KnownApplication> {
  const [group, { layout, rewind }, committed, topics] = await Promise.all([
    describeGroup(cluster, applicationId),
    readTopologyLog(cluster, applicationId),
    // Waits until a transaction that an instance left behind is decided: its offsets must not come after ours.
    committedOffsets(cluster, { groupId: applicationId }, 'all'),
    listTopics(cluster),
  ])
  if (group === undefined && layout === undefined && rewind === undefined && committed.length === 0)
    throw await unknown(cluster, applicationId)
  const unfinished = rewind?.isDone === false ? rewind : undefined
  const partitions = new Map(topics.map(topic => [topic.name, topic.partitions.length]))
  const internal = new Set([
    ...(layout?.stores ?? []).flatMap(({ changelog, isSource }) =>
      changelog === null || isSource ? [] : [changelog],
    ),
    ...(layout?.repartitions ?? []).map(({ topic }) => topic),
    ...(group?.changelogTopics ?? []),
    ...(group?.repartitionTopics ?? []),
    ...(unfinished?.internalTopics ?? []),
  ])
  const looksInternal = (name: string): boolean =>
    name.startsWith(`${applicationId}-`) && /-(changelog|repartition)$/.test(name)
  const sources = [
    ...(layout?.operators ?? []).flatMap(({ from }) => from),
    ...(group?.sourceTopics ?? []),
    ...(unfinished?.offsets ?? []).map(({ topic }) => topic),
  ]
  // Without anything better, what it once read is what it reads.
  const inputs = sources.length > 0 ? sources : committed.map(({ topic }) => topic)
  return {
    applicationId,
    group,
    inputs: new Map(
      [...new Set(inputs)].toSorted().flatMap(name => {
        const count = internal.has(name) || looksInternal(name) ? undefined : partitions.get(name)
        return count === undefined ? [] : [[name, count] as const]
      }),
    ),
    outputTopics: [
      ...new Set(
        (layout?.operators ?? []).flatMap(operator =>
          operator.topics.filter(
            name =>
              partitions.has(name) &&
              !operator.from.includes(name) &&
              !internal.has(`${applicationId}-${name}`),
          ),
        ),
      ),
    ].toSorted(),
    internalTopics: [...internal].filter(name => partitions.has(name)).toSorted(),
    unknownTopics: topics
      .map(({ name }) => name)
      .filter(name => looksInternal(name) && !internal.has(name) && name !== topologyTopic(applicationId))
      .toSorted(),
    committed: committed.filter(({ topic }) => partitions.has(topic)),
    lastRewind: rewind,
    unfinished,
  }
}

async function unknown(cluster: Cluster, applicationId: string): Promise<EvertError> {
  const groups = (await listGroups(cluster)).map(({ groupId }) => groupId)
  return new EvertError(
    'INVALID_ARGUMENT',
    `The cluster knows no application "${applicationId}". ` +
      (groups.length === 0 ? 'It has no groups at all.' : `Its groups: ${groups.join(', ')}.`),
  )
}
