import { isEvertError } from '../../errors.ts'
import type { RecordHeader } from '../../records/record-batch.ts'
import type { FailedRecord } from '../processors/error-policy.ts'
import { fits, type RecordLimit, tooLarge } from '../../records/record-limit.ts'
import type { RecordCollector } from '../state/record-collector.ts'

/** Longer texts are cut. */
const MAX_MESSAGE_LENGTH = 2_000
const MAX_STACK_LENGTH = 4_000

export interface DeadLetterTopic {
  readonly topic: string
  readonly limit: RecordLimit
}

/**
 * Writes the record as it was read: raw key and value, its own timestamp and headers, and what went wrong and where
 * as further headers. The first six are Kafka Streams' (KIP-1034: ExceptionHandlerUtils); the others follow their form.
 * A letter that is too large for its topic goes without the stack, then it throws RECORD_TOO_LARGE.
 */
export function writeDeadLetter(
  collector: RecordCollector,
  { topic, limit }: DeadLetterTopic,
  { error, record }: { readonly error: unknown; readonly record: FailedRecord },
): void {
  const { key, value } = record
  const told = headersOf(error, record)
  const whole = [...record.headers, ...told]
  const headers = fits(key, value, whole, limit)
    ? whole
    : whole.filter(header => header.key !== `${PREFIX}stacktrace`)
  if (!fits(key, value, headers, limit)) {
    throw tooLarge(`The dead letter for the topic "${topic}"`, { key, value, headers }, limit)
  }
  collector.collect(topic, undefined, Math.max(0, record.timestamp), key, value, headers)
}

function headersOf(error: unknown, record: FailedRecord): RecordHeader[] {
  const isError = error instanceof Error
  const { topic, partition, offset, kind, node, task, application, timestamp } = record
  const told = {
    exception: isError ? error.name : typeof error,
    message: (isError ? error.message : String(error)).slice(0, MAX_MESSAGE_LENGTH),
    stacktrace: isError ? error.stack?.slice(0, MAX_STACK_LENGTH) : undefined,
    topic,
    partition,
    offset,
    code: isEvertError(error) ? error.code : undefined,
    kind,
    node,
    task,
    application,
    timestamp,
  }
  return Object.entries(told)
    .filter(([, text]) => text !== undefined)
    .map(([name, text]) => ({ key: PREFIX + name, value: Buffer.from(String(text)) }))
}

const PREFIX = '__streams.errors.'
