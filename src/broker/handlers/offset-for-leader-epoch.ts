// Versions 2-4. There is one leader epoch, and it ends at the end of the log.
import { errorCodes } from '../../wire/error-codes.ts'
import { offsetForLeaderEpoch } from '../../wire/messages/offset-for-leader-epoch.ts'
import { handler } from '../handler.ts'
import { LEADER_EPOCH } from '../services.ts'

export const offsetForLeaderEpochHandler = handler(offsetForLeaderEpoch, [2, 4], (request, { services }) => ({
  throttleTimeMs: 0,
  topics: request.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => {
      const log = services.storage.topic(topic)?.partitions[partition]
      if (log === undefined) return { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, partition }
      if (currentLeaderEpoch > LEADER_EPOCH) return { errorCode: errorCodes.UNKNOWN_LEADER_EPOCH, partition }
      if (leaderEpoch !== LEADER_EPOCH) return { errorCode: 0, partition }
      return { errorCode: 0, partition, leaderEpoch: LEADER_EPOCH, endOffset: log.highWatermark }
    }),
  })),
}))
