// Versions 1-11. Timestamps: -1 latest, -2 earliest, -3 greatest timestamp (v7), -4 earliest local (v8), -5 latest tiered
// (v9) and -6 earliest pending upload (v11), which a log without tiers answers with "none".
import { errorCodes } from '../../wire/error-codes.ts'
import { listOffsets } from '../../wire/messages/list-offsets.ts'
import { handler } from '../handler.ts'
import { LEADER_EPOCH } from '../services.ts'
import type { PartitionLog } from '../storage/log-storage.ts'
import { faultCode } from './partition-fault.ts'

const READ_COMMITTED = 1

interface Found {
  readonly offset: number
  readonly timestampMs: number
}

export const listOffsetsHandler = handler(
  listOffsets,
  [1, 11],
  async (request, { services, version, context }) => ({
    throttleTimeMs: 0,
    topics: await Promise.all(
      request.topics.map(async ({ name, partitions }) => {
        const topic = services.storage.topic(name)
        return {
          name,
          partitions: await Promise.all(
            partitions.map(async ({ partitionIndex, currentLeaderEpoch, timestamp }) => {
              const log = topic?.partitions[partitionIndex]
              if (log === undefined) return failed(partitionIndex, errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
              if (currentLeaderEpoch > LEADER_EPOCH)
                return failed(partitionIndex, errorCodes.UNKNOWN_LEADER_EPOCH)
              if (timestamp < -6) return failed(partitionIndex, errorCodes.UNSUPPORTED_VERSION)
              try {
                const found = await find(log, timestamp, request.isolationLevel === READ_COMMITTED)
                return {
                  partitionIndex,
                  errorCode: 0,
                  timestamp: found?.timestampMs ?? -1,
                  offset: found?.offset ?? -1,
                  // Before v4 the answer has no place for it.
                  leaderEpoch: found === undefined || version < 4 ? -1 : LEADER_EPOCH,
                }
              } catch (error) {
                return failed(partitionIndex, faultCode(log, error, context))
              }
            }),
          ),
        }
      }),
    ),
  }),
)

async function find(log: PartitionLog, timestamp: number, committed: boolean): Promise<Found | undefined> {
  const end = committed ? log.lastStableOffset : log.highWatermark
  switch (timestamp) {
    case -1:
      return { offset: end, timestampMs: -1 }
    case -2:
    case -4:
      return { offset: log.logStartOffset, timestampMs: -1 }
    case -3:
      return log.maxTimestamp()
    case -5:
    case -6:
      return undefined
    default:
      return log.offsetForTimestamp(timestamp, end)
  }
}

function failed(partitionIndex: number, errorCode: number) {
  return { partitionIndex, errorCode }
}
