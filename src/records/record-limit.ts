import { EvertError } from '../errors.ts'
import { sizeOfRecordBatch } from './record-size.ts'
import type { RecordHeader } from './record-batch.ts'

/** What a topic takes. One object per topic, kept up to date by the runtime. */
export interface RecordLimit {
  /** Of a record batch with one record; Infinity while it is not known. */
  maxMessageBytes: number
}

export const UNLIMITED: RecordLimit = { maxMessageBytes: Infinity }

interface RecordParts {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}

export function fits(
  key: Buffer | null,
  value: Buffer | null,
  headers: readonly RecordHeader[],
  { maxMessageBytes }: RecordLimit,
): boolean {
  // Enough for all but headers, without looking closer.
  const roughly = (key === null ? 0 : key.length) + (value === null ? 0 : value.length) + 100
  if (roughly <= maxMessageBytes && headers.length === 0) return true
  return sizeOfRecordBatch(key, value, headers) <= maxMessageBytes
}

/** The error RECORD_TOO_LARGE; `what` begins its message. */
export function tooLarge(
  what: string,
  { key, value, headers }: RecordParts,
  { maxMessageBytes }: RecordLimit,
): EvertError {
  const bytes = sizeOfRecordBatch(key, value, headers)
  const inHeaders = bytes - sizeOfRecordBatch(key, value, [])
  return new EvertError(
    'RECORD_TOO_LARGE',
    `${what} takes ${bytes} bytes (key ${key?.length ?? 0}, value ${value?.length ?? 0}, headers ${inHeaders}), and the ` +
      `topic at most ${maxMessageBytes}. Raise its max.message.bytes, or write less.`,
  )
}
