import { errorCodes } from '../wire/error-codes.ts'
import { offsetCommit } from '../wire/messages/offset-commit.ts'
import { offsetFetch } from '../wire/messages/offset-fetch.ts'
import type { Cluster } from './cluster.ts'
import { callCoordinator } from './coordinator.ts'
import { KafkaError } from './kafka-error.ts'
import type { CommittableOffset, GroupIdentity } from './committable-offset.ts'
import { byTopic, type TopicPartition } from './topic-partitions.ts'

/** From here on topics are named by their ids only; names are what this client knows for sure. */
const BY_NAME = { offsetCommit: 9, offsetFetch: 9 } as const
const WITHIN_MS = 60_000

export interface CommittedOffset extends TopicPartition {
  readonly offset: number
  readonly metadata: string
}

/**
 * A group's committed offsets of the given partitions, or of all; partitions without one are left out. `requireStable`
 * (default true) waits while a transaction that commits offsets is being completed.
 */
export async function committedOffsets(
  cluster: Cluster,
  group: GroupIdentity,
  partitions: readonly TopicPartition[] | 'all',
  { requireStable = true }: { readonly requireStable?: boolean } = {},
): Promise<CommittedOffset[]> {
  const { groupId, memberId = null, epoch: memberEpoch = -1 } = group
  const topics =
    partitions === 'all'
      ? null
      : byTopic(partitions).map(([name, entries]) => ({
          name,
          partitionIndexes: entries.map(({ partition }) => partition),
        }))
  const answer = await callCoordinator({
    cluster,
    connections: cluster.connections,
    kind: 'group',
    key: groupId,
    api: offsetFetch,
    maxVersion: BY_NAME.offsetFetch,
    request: connection =>
      connection.versionOf(offsetFetch) >= 8
        ? { groups: [{ groupId, memberId, memberEpoch, topics }], requireStable }
        : { groupId, topics, requireStable },
    errorCode: response => {
      const found = response.groups[0] ?? response
      return found.errorCode || firstError(found.topics)
    },
    withinMs: WITHIN_MS,
  })
  const found = answer.groups[0] ?? answer
  const errorCode = found.errorCode || firstError(found.topics)
  if (errorCode !== 0) throw new KafkaError(errorCode, `Offsets of the group "${groupId}" cannot be read`)
  return found.topics.flatMap(({ name: topic, partitions: entries }) =>
    entries
      .filter(({ committedOffset }) => committedOffset >= 0)
      .map(({ partitionIndex: partition, committedOffset: offset, metadata }) => ({
        topic,
        partition,
        offset,
        metadata: metadata ?? '',
      })),
  )
}

/**
 * Commits offsets outside of a transaction. Throws KafkaError, such as STALE_MEMBER_EPOCH for a member that was fenced,
 * and CLOSED once `isCancelled` says so while it is retried.
 */
export async function commitOffsets(
  cluster: Cluster,
  group: GroupIdentity,
  offsets: readonly CommittableOffset[],
  isCancelled?: () => boolean,
): Promise<void> {
  const { groupId, memberId = '', epoch = -1, instanceId = null } = group
  const answer = await callCoordinator({
    cluster,
    connections: cluster.connections,
    kind: 'group',
    key: groupId,
    api: offsetCommit,
    ...(isCancelled !== undefined && { isCancelled }),
    maxVersion: BY_NAME.offsetCommit,
    request: {
      groupId,
      generationIdOrMemberEpoch: epoch,
      memberId,
      groupInstanceId: instanceId,
      topics: byTopic(offsets).map(([name, entries]) => ({
        name,
        partitions: entries.map(({ partition, offset, metadata = '' }) => ({
          partitionIndex: partition,
          committedOffset: offset,
          committedMetadata: metadata,
        })),
      })),
    },
    errorCode: response => firstError(response.topics),
    withinMs: WITHIN_MS,
  })
  const errorCode = firstError(answer.topics)
  if (errorCode !== 0) throw new KafkaError(errorCode, `Offsets of the group "${groupId}" were refused`)
}

function firstError(topics: readonly { partitions: readonly { errorCode: number }[] }[]): number {
  for (const { partitions } of topics) {
    for (const { errorCode } of partitions) if (errorCode !== errorCodes.NONE) return errorCode
  }
  return 0
}
