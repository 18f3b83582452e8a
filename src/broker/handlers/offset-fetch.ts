// Versions 1-10. v7+ may ask for stable offsets only (KIP-447), v8+ asks for several groups, v10 by topic id.
import { errorCodes } from '../../wire/error-codes.ts'
import { ZERO_UUID } from '../../wire/message.ts'
import { offsetFetch } from '../../wire/messages/offset-fetch.ts'
import { handler } from '../handler.ts'
import type { BrokerServices } from '../services.ts'

interface WantedTopic {
  readonly name: string
  readonly topicId: string
  readonly partitionIndexes: readonly number[]
}

export const offsetFetchHandler = handler(offsetFetch, [1, 10], (request, { services, version }) => {
  const { requireStable } = request
  if (version < 8) {
    const wanted = request.topics?.map(topic => ({ ...topic, topicId: ZERO_UUID })) ?? null
    const topics = fetchOffsets(services, request.groupId, { wanted, requireStable, byId: false })
    return { throttleTimeMs: 0, topics, errorCode: 0 }
  }
  const groups = request.groups.map(({ groupId, memberId, memberEpoch, topics }) => {
    const errorCode = services.streamsGroups.refuseFetch(groupId, memberId, memberEpoch)
    if (errorCode !== 0) return { groupId, topics: [], errorCode }
    const byId = version >= 10
    return {
      groupId,
      topics: fetchOffsets(services, groupId, { wanted: topics, requireStable, byId }),
      errorCode,
    }
  })
  return { throttleTimeMs: 0, groups }
})

interface FetchOptions {
  /** null: all that are committed. */
  readonly wanted: readonly WantedTopic[] | null
  readonly requireStable: boolean
  readonly byId: boolean
}

function fetchOffsets(services: BrokerServices, groupId: string, options: FetchOptions) {
  const { wanted, requireStable, byId } = options
  const committed = services.offsets.committed(groupId)
  const topics: readonly WantedTopic[] =
    wanted ??
    [...committed].map(([name, partitions]) => ({
      name,
      topicId: services.storage.topic(name)?.id ?? ZERO_UUID,
      partitionIndexes: [...partitions.keys()],
    }))
  return topics.map(({ name, topicId, partitionIndexes }) => {
    const topicName = byId ? services.storage.topicById(topicId)?.name : name
    return {
      name,
      topicId,
      partitions: partitionIndexes.map(partitionIndex => {
        if (topicName === undefined) return none(partitionIndex, errorCodes.UNKNOWN_TOPIC_ID)
        if (requireStable && services.offsets.isUnstable(groupId, topicName, partitionIndex)) {
          return none(partitionIndex, errorCodes.UNSTABLE_OFFSET_COMMIT)
        }
        const found = committed.get(topicName)?.get(partitionIndex)
        if (found === undefined) return none(partitionIndex, 0)
        return {
          partitionIndex,
          committedOffset: found.offset,
          committedLeaderEpoch: found.leaderEpoch,
          metadata: found.metadata,
          errorCode: 0,
        }
      }),
    }
  })
}

function none(partitionIndex: number, errorCode: number) {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode }
}
