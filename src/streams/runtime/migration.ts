import { EvertError } from '../../errors.ts'
import { KafkaError, ProducerFencedError } from '../../client/kafka-error.ts'
import { errorCodes } from '../../wire/error-codes.ts'

const MEMBER_GONE = new Set<number>([
  errorCodes.UNKNOWN_MEMBER_ID,
  errorCodes.STALE_MEMBER_EPOCH,
  errorCodes.FENCED_MEMBER_EPOCH,
  errorCodes.ILLEGAL_GENERATION,
  errorCodes.REBALANCE_IN_PROGRESS,
])

const TRANSACTION_GONE = new Set<number>([
  errorCodes.INVALID_TXN_STATE,
  // Of a producer without transactions: it takes another identity.
  errorCodes.INVALID_PRODUCER_EPOCH,
  errorCodes.INVALID_PRODUCER_ID_MAPPING,
  errorCodes.UNKNOWN_PRODUCER_ID,
  errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
  errorCodes.TRANSACTION_ABORTABLE,
])

/**
 * Whether a commit was refused because the tasks, or the transaction, are no longer this worker's (Kafka Streams:
 * TaskMigratedException): its records count for nothing, and it goes on from what is committed.
 */
export function isMigration(error: unknown): boolean {
  if (error instanceof ProducerFencedError) return true
  return (
    error instanceof KafkaError && (MEMBER_GONE.has(error.errorCode) || TRANSACTION_GONE.has(error.errorCode))
  )
}

/** What another attempt may get past: lost connections, a moved coordinator, a member or producer that was fenced. */
export function isPassing(error: unknown): boolean {
  return isMigration(error) || (error instanceof EvertError && error.retryable)
}
