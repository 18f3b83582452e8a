import { EvertError } from '../errors.ts'
import { errorCodes } from '../wire/error-codes.ts'
import type { Connection } from './connection.ts'
import { KafkaError } from './kafka-error.ts'
import type { TopicPartition } from './topic-partitions.ts'

const OF_STORAGE = new Set<number>([errorCodes.CORRUPT_MESSAGE, errorCodes.KAFKA_STORAGE_ERROR])

/**
 * The error for a partition that storage refused for good, in the storage's own words where the broker is in this
 * process; undefined for a refusal that is something else or may pass: another replica may lead a partition whose disk
 * failed. `what` is a clause without a full stop.
 */
export function storageFault(
  connection: Connection,
  { topic, partition }: TopicPartition,
  errorCode: number,
  what: string,
): EvertError | undefined {
  const fault = OF_STORAGE.has(errorCode) ? connection.faultOf?.(topic, partition) : undefined
  return fault && new EvertError(fault.code, `${what}: ${fault.message}`, { cause: fault })
}

/** The same of a read, where damaged records too are there to stay: no transmission is at fault, as in a write. */
export function readFault(
  connection: Connection,
  place: TopicPartition,
  errorCode: number,
  what: string,
): EvertError | undefined {
  const fault = storageFault(connection, place, errorCode, what)
  if (fault !== undefined || errorCode !== errorCodes.CORRUPT_MESSAGE) return fault
  const { topic, partition } = place
  const advice = 'its log is damaged; see what its broker says of it'
  return new KafkaError(errorCode, `${what}, ${advice}`, { topic, partition, retryable: false })
}
