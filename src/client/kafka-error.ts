import { EvertError } from '../errors.ts'
import { errorName, isRetryable } from '../wire/error-codes.ts'

export interface KafkaErrorOptions {
  readonly cause?: unknown
  readonly topic?: string
  readonly partition?: number
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
    super('KAFKA', `${what}: ${name}.`, { cause: options.cause, retryable: isRetryable(errorCode) })
    this.errorCode = errorCode
    this.errorName = name
    this.topic = options.topic
    this.partition = options.partition
  }
}

/** Another instance took over the transactional id: nothing that this one still has open becomes visible. */
export class ProducerFencedError extends KafkaError {}
