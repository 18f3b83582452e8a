import { isEvertError } from '../../errors.ts'
import { errorCodes } from '../../wire/error-codes.ts'
import type { RequestContext } from '../../wire/request-handler.ts'
import type { PartitionLog } from '../storage/log-storage.ts'

/** What was warned of last. */
const warned = new WeakMap<PartitionLog, string>()

/**
 * The code that answers for a partition whose storage threw DAMAGED_DATA or DISK. What it said goes to a caller of
 * this process; for others it becomes a warning of this one, once. Throws anything else again.
 */
export function faultCode(log: PartitionLog, error: unknown, { onFault }: RequestContext): number {
  const isDamage = isEvertError(error, 'DAMAGED_DATA')
  if (!isDamage && !isEvertError(error, 'DISK')) throw error
  const { topicName, partition } = log
  if (onFault !== undefined) {
    onFault(topicName, partition, error)
  } else if (warned.get(log) !== error.message) {
    warned.set(log, error.message)
    process.emitWarning(`${topicName}-${partition} cannot be read: ${error.message}`)
  }
  return isDamage ? errorCodes.CORRUPT_MESSAGE : errorCodes.KAFKA_STORAGE_ERROR
}
