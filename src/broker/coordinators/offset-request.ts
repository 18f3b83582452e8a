import { errorCodes } from '../../wire/error-codes.ts'
import type { BrokerServices } from '../services.ts'
import type { OffsetToCommit } from './group-offsets.ts'

const MAX_METADATA_BYTES = 4096

interface RequestedTopic {
  readonly name: string
  readonly topicId?: string
  readonly partitions: readonly {
    readonly partitionIndex: number
    readonly committedOffset: number
    readonly committedLeaderEpoch: number
    readonly committedMetadata: string | null
  }[]
}

/** Splits a commit request into what may be committed and what each partition is answered. */
export function resolveOffsets(
  services: BrokerServices,
  requested: readonly RequestedTopic[],
  byId: boolean,
) {
  const accepted: OffsetToCommit[] = []
  const committedAtMs = services.clock.nowMs()
  const topics = requested.map(({ name, topicId = '', partitions }) => {
    const topic = byId ? services.storage.topicById(topicId) : services.storage.topic(name)
    const missing = byId ? errorCodes.UNKNOWN_TOPIC_ID : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
    return {
      name,
      topicId,
      partitions: partitions.map(requestedPartition => {
        const { partitionIndex, committedOffset, committedLeaderEpoch } = requestedPartition
        const metadata = requestedPartition.committedMetadata ?? ''
        const errorCode =
          topic === undefined
            ? missing
            : topic.partitions[partitionIndex] === undefined
              ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION
              : Buffer.byteLength(metadata) > MAX_METADATA_BYTES
                ? errorCodes.OFFSET_METADATA_TOO_LARGE
                : 0
        if (topic !== undefined && errorCode === 0) {
          accepted.push({
            topic: topic.name,
            partition: partitionIndex,
            offset: committedOffset,
            leaderEpoch: committedLeaderEpoch,
            metadata,
            committedAtMs,
          })
        }
        return { partitionIndex, errorCode }
      }),
    }
  })
  return { topics, accepted }
}
