// Versions 3-13. v12+ adds partitions to the transaction by itself (KIP-890), v13 names topics by id.
// acks 0, 1 and -1 are the same to a log of one node; with acks 0 the listener sends no answer.
import { EvertError } from '../../errors.ts'
import { RecordBatch } from '../../records/record-batch.ts'
import { errorCodes } from '../../wire/error-codes.ts'
import { produce } from '../../wire/messages/produce.ts'
import { handler } from '../handler.ts'
import type { BrokerServices } from '../services.ts'
import type { TopicLog } from '../storage/log-storage.ts'

interface Appended {
  readonly code: number
  readonly message?: string | undefined
  readonly baseOffset?: number
  readonly logStartOffset?: number
  readonly fault?: EvertError
}

export const produceHandler = handler(produce, [3, 13], async (request, { services, version, context }) => {
  const { transactionalId, acks } = request
  const validAcks = acks === 0 || acks === 1 || acks === -1
  const pending: Promise<Appended>[][] = []
  // The synchronous part of every append runs here, in the order of the request.
  for (const { name, topicId, partitionData } of request.topicData) {
    const topic = version >= 13 ? services.storage.topicById(topicId) : services.storage.topic(name)
    const missing = version >= 13 ? errorCodes.UNKNOWN_TOPIC_ID : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
    pending.push(
      partitionData.map(({ index, records }) => {
        if (!validAcks) return refused(errorCodes.INVALID_REQUIRED_ACKS, `acks ${acks} is not 0, 1 or -1.`)
        if (topic === undefined) return refused(missing)
        return append(services, { topic, index, records, transactionalId, version })
      }),
    )
  }
  return {
    responses: await Promise.all(
      request.topicData.map(async ({ name, topicId, partitionData }, at) => {
        const results = await Promise.all(pending[at] as Promise<Appended>[])
        return {
          name,
          topicId,
          partitionResponses: partitionData.map(({ index }, at) => {
            const { code, message, baseOffset, logStartOffset, fault } = results[at] as Appended
            if (fault !== undefined) context.onFault?.(nameOf(services, name, topicId), index, fault)
            return {
              index,
              errorCode: code,
              baseOffset: baseOffset ?? -1,
              logStartOffset: logStartOffset ?? -1,
              errorMessage: message ?? null,
            }
          }),
        }
      }),
    ),
    throttleTimeMs: 0,
  }
})

/** From v13 on a request names a topic by its id only. */
function nameOf(services: BrokerServices, name: string, topicId: string): string {
  return name === '' ? (services.storage.topicById(topicId)?.name ?? '') : name
}

interface Append {
  readonly topic: TopicLog
  readonly index: number
  readonly records: Buffer | null
  readonly transactionalId: string | null
  readonly version: number
}

function append(services: BrokerServices, request: Append): Promise<Appended> {
  const { topic, index, records, transactionalId, version } = request
  const log = topic.partitions[index]
  if (log === undefined) return refused(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  if (records === null || records.length === 0) {
    return refused(errorCodes.INVALID_RECORD, 'A produce request needs one record batch per partition.')
  }
  const batch = readBatch(records)
  if (batch instanceof EvertError) return refused(errorCodes.CORRUPT_MESSAGE, batch.message)
  if (batch.sizeBytes !== records.length) {
    return refused(
      errorCodes.INVALID_RECORD,
      'A produce request carries exactly one record batch per partition.',
    )
  }
  if (batch.isControl) {
    return refused(errorCodes.INVALID_RECORD, 'Control batches are written by the broker only.')
  }
  if (batch.compression === 'zstd' && version < 7) return refused(errorCodes.UNSUPPORTED_COMPRESSION_TYPE)
  if (batch.isTransactional) {
    const code = services.transactions.admitProduce({
      transactionalId,
      producerId: batch.producerId,
      producerEpoch: batch.producerEpoch,
      topic: topic.name,
      partition: index,
      version,
    })
    if (code !== 0) return refused(code)
  }
  return log.append(records)
}

function readBatch(records: Buffer): RecordBatch | EvertError {
  try {
    return RecordBatch.at(records)
  } catch (error) {
    if (error instanceof EvertError) return error
    throw error
  }
}

function refused(code: number, message?: string): Promise<Appended> {
  return Promise.resolve({ code, message })
}
