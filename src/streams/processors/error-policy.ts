import { describeValue } from '../../contracts/schema.ts'
import { type ErrorCode, EvertError } from '../../errors.ts'
import type { RecordHeader } from '../../records/record-batch.ts'

/**
 * What failed of a record (Kafka Streams has a handler for each: KIP-161, KIP-1033, KIP-210):
 *
 * - `deserialization`: its key or value does not decode
 * - `processing`: a function threw, of an operator, a punctuation or a timer; or what it leads to in a store or an
 *   internal topic cannot be written
 * - `production`: an output cannot be written: it is larger than its topic takes, does not encode, or was given a topic
 *   or partition that there is not
 */
export type ErrorKind = 'deserialization' | 'processing' | 'production'

/**
 * `fail` stops the application with TASK_FAILED; nothing of its open transaction is committed. `skip` goes on without
 * the record, or, of `production`, without that one output. `deadLetter` does so too, and writes the raw input record
 * to this topic, in the same transaction, with headers that say what went wrong and where (KIP-1034).
 */
export type ErrorDecision = 'fail' | 'skip' | { readonly deadLetter: string }

/** What an error handler knows. Of a punctuation there is no record: no topic, a null key and value. */
export interface FailedRecord {
  readonly kind: ErrorKind
  readonly application: string
  readonly task: string
  /** The operator whose function, codec or output failed. */
  readonly node: string
  /** Where the input record was read. */
  readonly topic?: string
  readonly partition?: number
  readonly offset?: number
  /** Of the input record; or the time of the punctuation. */
  readonly timestamp: number
  /** Of the input record, as it was read. */
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}

/**
 * Decides by the error and its record. Synchronous; may be called again for the same record after a rollback. What it
 * throws stops the application.
 */
export type ErrorHandler = (error: unknown, record: FailedRecord) => ErrorDecision

/** What becomes of a record that fails. */
export type ErrorRule = ErrorDecision | ErrorHandler

/** A rule for every kind of error, or one for each; a kind that is left out fails. */
export type ErrorPolicy = ErrorRule | { readonly [kind in ErrorKind]?: ErrorRule }

const KINDS: ReadonlySet<string> = new Set<ErrorKind>(['deserialization', 'processing', 'production'])

/** What an option `onError` is, in words. */
export const ERROR_POLICY =
  '"fail", "skip" or { deadLetter: TOPIC }, a function, or one of these for each of deserialization, processing and ' +
  'production'

/** Throws INVALID_ARGUMENT, or the code that is given. */
export function assertErrorPolicy(
  { onError }: { readonly onError?: unknown },
  code: ErrorCode = 'INVALID_ARGUMENT',
): void {
  if (onError === undefined || isErrorPolicy(onError)) return
  throw new EvertError(code, `The option onError is ${ERROR_POLICY}; not ${describeValue(onError)}.`)
}

/** Of an option: whether it has the form of an ErrorPolicy. */
export function isErrorPolicy(value: unknown): value is ErrorPolicy {
  if (isRule(value)) return true
  if (typeof value !== 'object' || value === null) return false
  const entries = Object.entries(value).filter(([, rule]) => rule !== undefined)
  return entries.length > 0 && entries.every(([kind, rule]) => KINDS.has(kind) && isRule(rule))
}

function isRule(value: unknown): value is ErrorRule {
  return typeof value === 'function' || isDecision(value)
}

export function isDecision(value: unknown): value is ErrorDecision {
  if (value === 'fail' || value === 'skip') return true
  return (
    typeof value === 'object' &&
    value !== null &&
    'deadLetter' in value &&
    typeof value.deadLetter === 'string' &&
    value.deadLetter !== ''
  )
}
