import { KafkaError } from '../../client/kafka-error.ts'
import { type ErrorCode, EvertError } from '../../errors.ts'

/** An error on its way between threads, which keep neither its class nor its code. */
export interface ErrorMessage {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly evert: { readonly code: ErrorCode; readonly retryable: boolean } | undefined
  readonly kafka:
    | { readonly errorCode: number; readonly topic?: string; readonly partition?: number }
    | undefined
  readonly cause: ErrorMessage | undefined
}

export function toErrorMessage(error: unknown): ErrorMessage {
  const { name, message, stack, cause } = error instanceof Error ? error : new Error(String(error))
  return {
    name,
    message,
    stack,
    evert: error instanceof EvertError ? { code: error.code, retryable: error.retryable } : undefined,
    kafka: error instanceof KafkaError ? kafkaPart(error) : undefined,
    cause: cause === undefined ? undefined : toErrorMessage(cause),
  }
}

/** The error again, as its class if that is one of ours. */
export function fromErrorMessage(sent: ErrorMessage): Error {
  const { name, message, stack, evert, kafka } = sent
  const cause = sent.cause === undefined ? undefined : fromErrorMessage(sent.cause)
  const error = rebuilt(message, { evert, kafka, cause })
  if (error.name !== name) error.name = name
  // The message is the sent one, whatever the class makes of it.
  error.message = message
  if (stack !== undefined) error.stack = stack
  return error
}

function rebuilt(
  message: string,
  { evert, kafka, cause }: Pick<ErrorMessage, 'evert' | 'kafka'> & { readonly cause: Error | undefined },
): Error {
  if (evert === undefined) return new Error(message, cause === undefined ? undefined : { cause })
  const { code, retryable } = evert
  if (kafka === undefined) return new EvertError(code, message, { cause, retryable })
  const { errorCode, ...place } = kafka
  return new KafkaError(errorCode, message, { ...place, cause, retryable })
}

function kafkaPart({ errorCode, topic, partition }: KafkaError): ErrorMessage['kafka'] {
  return {
    errorCode,
    ...(topic !== undefined && { topic }),
    ...(partition !== undefined && { partition }),
  }
}
