// Versions 4-18. Topic ids from v13. No fetch sessions: every answer carries session id 0, as KIP-227 allows.
import { errorCodes } from '../../wire/error-codes.ts'
import type { Message } from '../../wire/field.ts'
import { fetch } from '../../wire/messages/fetch.ts'
import type { RequestContext } from '../../wire/request-handler.ts'
import { handler } from '../handler.ts'
import { waitForAdvance } from '../long-poll.ts'
import { type BrokerServices, LEADER_EPOCH } from '../services.ts'
import type { PartitionLog } from '../storage/log-storage.ts'
import { faultCode } from './partition-fault.ts'

type Request = Message<typeof fetch.request.fields>
type Wanted = Request['topics'][number]['partitions'][number]

const READ_COMMITTED = 1
const NO_RECORDS = Buffer.alloc(0)

export const fetchHandler = handler(fetch, [4, 18], async (request, { services, version, context }) => {
  if (request.sessionId !== 0 && request.sessionEpoch !== -1) {
    return { throttleTimeMs: 0, errorCode: errorCodes.FETCH_SESSION_ID_NOT_FOUND, responses: [] }
  }
  const deadlineMs = services.clock.elapsedMs() + Math.max(0, request.maxWaitMs)
  const signals = [context.signal, services.closing]
  let answer = await readAll(services, request, version, context)
  while (!answer.failed && answer.sizeBytes < request.minBytes) {
    const timeoutMs = deadlineMs - services.clock.elapsedMs()
    if (timeoutMs <= 0 || signals.some(signal => signal.aborted)) break
    // A log may have moved while another one was read.
    if (!hasMoved(answer.watched)) {
      const logs = answer.watched.map(({ log }) => log)
      await waitForAdvance(logs, { clock: services.clock, timeoutMs, signals })
      if (!hasMoved(answer.watched)) continue
    }
    answer = await readAll(services, request, version, context)
  }
  return { throttleTimeMs: 0, errorCode: 0, responses: answer.responses }
})

/** A log and how far its readers could see when it was read. */
interface Watched {
  readonly log: PartitionLog
  readonly committed: boolean
  readonly end: number
}

function hasMoved(watched: readonly Watched[]): boolean {
  return watched.some(({ log, committed, end }) => readableEnd(log, committed) !== end)
}

function readableEnd(log: PartitionLog, committed: boolean): number {
  return committed ? log.lastStableOffset : log.highWatermark
}

async function readAll(services: BrokerServices, request: Request, version: number, context: RequestContext) {
  const committed = request.isolationLevel === READ_COMMITTED
  const watched: Watched[] = []
  let sizeBytes = 0
  let failed = false
  const responses = []
  for (const wantedTopic of request.topics) {
    const byId = version >= 13
    const topic = byId
      ? services.storage.topicById(wantedTopic.topicId)
      : services.storage.topic(wantedTopic.topic)
    const partitions = []
    for (const wanted of wantedTopic.partitions) {
      const log = topic?.partitions[wanted.partition]
      const code =
        log === undefined
          ? byId && topic === undefined
            ? errorCodes.UNKNOWN_TOPIC_ID
            : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
          : wanted.currentLeaderEpoch > LEADER_EPOCH
            ? errorCodes.UNKNOWN_LEADER_EPOCH
            : wanted.fetchOffset < log.logStartOffset || wanted.fetchOffset > log.logEndOffset
              ? errorCodes.OFFSET_OUT_OF_RANGE
              : 0
      if (log === undefined || code !== 0) {
        failed = true
        partitions.push(refused(wanted.partition, code, log))
        continue
      }
      watched.push({ log, committed, end: readableEnd(log, committed) })
      const leftBytes = request.maxBytes - sizeBytes
      try {
        const read = await readPartition(log, wanted, committed, leftBytes, sizeBytes === 0)
        sizeBytes += read.records.length
        partitions.push(read)
      } catch (error) {
        failed = true
        partitions.push(refused(wanted.partition, faultCode(log, error, context), log))
      }
    }
    responses.push({ topic: wantedTopic.topic, topicId: wantedTopic.topicId, partitions })
  }
  return { responses, watched, sizeBytes, failed }
}

/**
 * The first partition with records gives at least one batch, however large, so that a reader with small limits moves
 * on; the others keep within what is left of the answer's limit (KIP-74).
 */
async function readPartition(
  log: PartitionLog,
  wanted: Wanted,
  committed: boolean,
  leftBytes: number,
  first: boolean,
) {
  // Taken before the read, so that what is said about the log never runs ahead of the records.
  const { highWatermark, lastStableOffset, logStartOffset } = log
  const end = committed ? lastStableOffset : highWatermark
  const maxBytes = Math.min(wanted.partitionMaxBytes, leftBytes)
  const readable = wanted.fetchOffset < end && (first || maxBytes > 0)
  let records = readable ? await log.read(wanted.fetchOffset, Math.max(0, maxBytes), end) : NO_RECORDS
  if (!first && records.length > leftBytes) records = NO_RECORDS
  return {
    partitionIndex: wanted.partition,
    errorCode: 0,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    abortedTransactions:
      committed && records.length > 0 ? [...log.abortedTransactions(wanted.fetchOffset, end)] : null,
    records,
  }
}

function refused(partitionIndex: number, errorCode: number, log: PartitionLog | undefined) {
  return {
    partitionIndex,
    errorCode,
    highWatermark: log?.highWatermark ?? -1,
    lastStableOffset: log?.lastStableOffset ?? -1,
    logStartOffset: log?.logStartOffset ?? -1,
    abortedTransactions: null,
    records: NO_RECORDS,
  }
}
