// Versions 0-2. Offset -1 means up to the high watermark.
import { errorCodes } from '../../wire/error-codes.ts'
import { deleteRecords } from '../../wire/messages/delete-records.ts'
import { handler } from '../handler.ts'
import type { PartitionLog } from '../storage/log-storage.ts'
import { configValue } from '../topic-configs.ts'

export const deleteRecordsHandler = handler(deleteRecords, [0, 2], async (request, { services }) => ({
  throttleTimeMs: 0,
  topics: await Promise.all(
    request.topics.map(async ({ name, partitions }) => {
      const topic = services.storage.topic(name)
      const isCompacted =
        topic !== undefined && !configValue(topic.configs, 'cleanup.policy').includes('delete')
      return {
        name,
        partitions: await Promise.all(
          partitions.map(async ({ partitionIndex, offset }) => {
            const log = topic?.partitions[partitionIndex]
            if (log === undefined) return failed(partitionIndex, errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
            if (isCompacted) return failed(partitionIndex, errorCodes.POLICY_VIOLATION)
            const lowWatermark = await deleteBefore(log, offset)
            return lowWatermark === undefined
              ? failed(partitionIndex, errorCodes.OFFSET_OUT_OF_RANGE)
              : { partitionIndex, lowWatermark, errorCode: 0 }
          }),
        ),
      }
    }),
  ),
}))

async function deleteBefore(log: PartitionLog, offset: number): Promise<number | undefined> {
  const target = offset === -1 ? log.highWatermark : offset
  if (target < 0 || target > log.highWatermark) return undefined
  return target <= log.logStartOffset ? log.logStartOffset : log.deleteBefore(target)
}

function failed(partitionIndex: number, errorCode: number) {
  return { partitionIndex, lowWatermark: -1, errorCode }
}
