import { EvertError } from '../errors.ts'
import { errorCodes, errorName, isRetryable } from '../wire/error-codes.ts'

export interface KafkaErrorOptions {
  readonly cause?: unknown
  readonly topic?: string
  readonly partition?: number
  /** Default: what the protocol says of the code. False when trying again was in vain already. */
  readonly retryable?: boolean
}

/** A broker answered with an error code of the protocol. */
export class KafkaError extends EvertError {
  /** The protocol's number, see wire/error-codes.ts. */
  readonly errorCode: number
  /** Kafka's name, such as `UNKNOWN_TOPIC_OR_PARTITION`. */
  readonly errorName: string
  readonly topic: string | undefined
  readonly partition: number | undefined

  /** `what` says what was refused and, where one exists, what to do: one clause without a full stop. */
  constructor(errorCode: number, what: string, options: KafkaErrorOptions = {}) {
    const name = errorName(errorCode)
    const { cause, retryable = isRetryable(errorCode) } = options
    super('KAFKA', `${what}: ${name}.`, { cause, retryable })
    this.errorCode = errorCode
    this.errorName = name
    this.topic = options.topic
    this.partition = options.partition
  }
}

/** Another instance took over the transactional id: nothing that this one still has open becomes visible. */
export class ProducerFencedError extends KafkaError {}

const TOPIC_MISSING = new Set<number>([errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorCodes.UNKNOWN_TOPIC_ID])

/** Whether a position is outside of its log. */
export function isOutOfRange(error: unknown): error is KafkaError {
  return error instanceof KafkaError && error.errorCode === errorCodes.OFFSET_OUT_OF_RANGE
}

/** Whether the cluster says that there is no such topic or partition: not yet, perhaps, or not any more. */
export function isTopicMissing(error: unknown): error is KafkaError {
  return error instanceof KafkaError && TOPIC_MISSING.has(error.errorCode)
}
