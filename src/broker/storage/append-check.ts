import { EvertError } from '../../errors.ts'
import { RecordBatch } from '../../records/record-batch.ts'
import { errorCodes } from '../../wire/error-codes.ts'
import type { Refused } from './producer-state.ts'

/** The batches of an append, or why none of them may enter the log. Order, form, size and checksum; no state. */
export function checkAppend(bytes: Buffer, maxMessageBytes: number): RecordBatch[] | Refused {
  const batches: RecordBatch[] = []
  try {
    for (let at = 0; at < bytes.length; at += batches.at(-1)!.sizeBytes) {
      const batch = RecordBatch.at(bytes, at)
      const refused = refuseBatch(batch, maxMessageBytes)
      if (refused !== undefined) return refused
      batch.verify()
      batches.push(batch)
    }
  } catch (error) {
    if (!(error instanceof EvertError)) throw error
    return { code: errorCodes.CORRUPT_MESSAGE, message: error.message }
  }
  if (batches.length === 0) return invalid('an append without a batch')
  if (batches.length > 1 && batches.some(batch => batch.producerId >= 0))
    return invalid('an idempotent producer appends one batch at a time')
  return batches
}

function refuseBatch(batch: RecordBatch, maxMessageBytes: number): Refused | undefined {
  if (batch.sizeBytes > maxMessageBytes)
    return {
      code: errorCodes.MESSAGE_TOO_LARGE,
      message: `A batch of ${batch.sizeBytes} bytes is larger than the topic's max.message.bytes of ${maxMessageBytes}.`,
    }
  if (batch.isControl) return invalid('a control batch, which only the coordinator may write')
  const { count } = batch
  if (count <= 0 || batch.lastOffset - batch.baseOffset !== count - 1)
    return invalid(
      `a batch of ${count} records whose last offset delta is ${batch.lastOffset - batch.baseOffset}`,
    )
  const isIdempotent = batch.producerId >= 0
  if (isIdempotent && (batch.producerEpoch < 0 || batch.baseSequence < 0))
    return invalid('a batch with a producer id but without epoch and sequence')
  if (!isIdempotent && batch.isTransactional) return invalid('a transactional batch without a producer id')
  return undefined
}

function invalid(what: string): Refused {
  return { code: errorCodes.INVALID_RECORD, message: `The log refuses ${what}.` }
}
