import { EvertError } from '../errors.ts'
import { errorCodes, isRetryable } from '../wire/error-codes.ts'
import type { ResponseOf } from '../wire/message.ts'
import type { produce } from '../wire/messages/produce.ts'
import type { Cluster } from './cluster.ts'
import type { Connection } from './connection.ts'
import { KafkaError } from './kafka-error.ts'
import type { Batch, PartitionQueue } from './partition-queue.ts'
import type { ProduceNodes } from './produce-nodes.ts'
import { type ProduceAnswer, produceAnswers, type SentBatch } from './produce-request.ts'
import type { RecordAccumulator } from './record-accumulator.ts'
import { backoffMs, isChannelError } from './retry.ts'
import { storageFault } from './storage-fault.ts'

/** Calls are synchronous. */
export interface DeliveryEvents {
  /** A batch was given up. `unreported`: some of its records have nobody waiting for them. */
  onFailure(error: Error, unreported: boolean): void
  /** Sequences of a partition are spent: a new identity is needed for it. */
  onSequencesLost(): void
  onSettled(): void
}

export interface DeliveryOptions {
  readonly cluster: Cluster
  readonly records: RecordAccumulator
  readonly nodes: ProduceNodes
  readonly events: DeliveryEvents
  readonly deliveryTimeoutMs: number
  readonly topicTimeoutMs: number
}

const STALE_METADATA = new Set<number>([
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorCodes.UNKNOWN_TOPIC_ID,
  errorCodes.INCONSISTENT_TOPIC_ID,
  errorCodes.NOT_LEADER_OR_FOLLOWER,
  errorCodes.LEADER_NOT_AVAILABLE,
  errorCodes.REPLICA_NOT_AVAILABLE,
  errorCodes.FENCED_LEADER_EPOCH,
  errorCodes.UNKNOWN_LEADER_EPOCH,
  errorCodes.KAFKA_STORAGE_ERROR,
])
const OUT_OF_SEQUENCE = new Set<number>([
  errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
  errorCodes.UNKNOWN_PRODUCER_ID,
])

/**
 * What becomes of batches: acknowledged, sent again, or given up.
 *
 * Invariant: a sent batch that is given up takes down all that was sent after it, and only then does the partition
 * start over under a new identity. Each batch is settled once.
 */
export class BatchDelivery {
  readonly #options: DeliveryOptions
  #dropping: Error | undefined

  constructor(options: DeliveryOptions) {
    this.#options = options
  }

  onResponse(sent: readonly SentBatch[], response: ResponseOf<typeof produce>, connection: Connection): void {
    const answerTo = produceAnswers(response, this.#options.cluster.metadata)
    for (const { queue, batch } of sent) {
      const answer = answerTo(queue)
      queue.inFlight.splice(queue.inFlight.indexOf(batch), 1)
      if (answer === undefined) {
        // The topic was deleted and made again meanwhile, so its id has another name here now: ask again.
        const what = `Producing to ${queue.topic}-${queue.partition}`
        this.#again(queue, batch, new KafkaError(errorCodes.UNKNOWN_TOPIC_ID, what), true)
      } else {
        this.#onAnswer(queue, batch, answer, connection)
      }
      this.#finishFailure(queue)
    }
    this.#options.events.onSettled()
  }

  onNoResponse(sent: readonly SentBatch[], error: Error): void {
    for (const { queue, batch } of sent) {
      queue.inFlight.splice(queue.inFlight.indexOf(batch), 1)
      if (isChannelError(error)) this.#again(queue, batch, error, true)
      else this.#giveUp(queue, batch, error)
      this.#finishFailure(queue)
    }
    this.#options.events.onSettled()
  }

  /** Gives up what is not on its way; until endDrop() nothing is sent again. */
  beginDrop(reason: Error): void {
    this.#dropping = reason
    for (const queue of this.#options.records.active) {
      queue.seal()
      for (const batch of queue.sealed.splice(0)) this.#settle(queue, batch, reason)
      for (const batch of queue.retry.splice(0)) this.#settle(queue, batch, reason)
    }
  }

  endDrop(): void {
    this.#dropping = undefined
  }

  /** Gives up what is not on its way and older than the delivery timeout, or whose topic has been gone for too long. */
  expire(): void {
    for (const queue of this.#options.records.active) {
      if (this.#isGone(queue)) this.#giveUpAll(queue)
      if (queue.retry.length > 0 && queue.inFlight.length === 0 && this.#isExpired(queue.retry[0] as Batch)) {
        const batch = queue.retry.shift() as Batch
        this.#giveUp(queue, batch, this.#timedOut(queue, batch))
        this.#finishFailure(queue)
      }
      while (queue.sealed.length > 0 && this.#isExpired(queue.sealed[0] as Batch)) {
        const batch = queue.sealed.shift() as Batch
        this.#settle(queue, batch, this.#timedOut(queue, batch))
      }
      if (queue.sealed.length === 0 && queue.open !== undefined && this.#isExpired(queue.open)) {
        this.#settle(queue, queue.open, this.#timedOut(queue, queue.open))
        queue.open = undefined
      }
    }
    this.#options.events.onSettled()
  }

  #onAnswer(queue: PartitionQueue, batch: Batch, answer: ProduceAnswer, connection: Connection): void {
    const { errorCode } = answer
    if (errorCode === errorCodes.NONE || errorCode === errorCodes.DUPLICATE_SEQUENCE_NUMBER) {
      this.#options.nodes.onSuccess()
      this.#acknowledge(queue, batch, errorCode === errorCodes.NONE ? answer.baseOffset : -1)
      return
    }
    const { topic, partition } = queue
    const detail = answer.errorMessage === null ? '' : ` (${answer.errorMessage})`
    const fault = storageFault(connection, queue, errorCode, `Producing to ${topic}-${partition} failed`)
    if (fault !== undefined) {
      this.#giveUp(queue, batch, fault)
      return
    }
    const what = `Producing to ${topic}-${partition} was refused${detail}`
    const error = new KafkaError(errorCode, what, { topic, partition })
    const isEarlierMissing = OUT_OF_SEQUENCE.has(errorCode) && queue.hasEarlier(batch)
    if (isRetryable(errorCode) || isEarlierMissing) {
      this.#again(queue, batch, error, STALE_METADATA.has(errorCode))
    } else {
      this.#giveUp(queue, batch, error)
    }
  }

  #acknowledge(queue: PartitionQueue, batch: Batch, baseOffset: number): void {
    this.#options.records.forget(batch)
    const produced = this.#options.cluster.counts.produced(queue.topic)
    produced.batches++
    produced.records += batch.count
    produced.bytes += (batch.bytes as Buffer).length
    queue.isEstablished = true
    if (baseOffset >= 0) queue.lastOffset = baseOffset + batch.count - 1
    for (const waiter of batch.waiters ?? []) {
      waiter.resolve({
        partition: queue.partition,
        offset: baseOffset < 0 ? -1 : baseOffset + waiter.index,
      })
    }
  }

  #again(queue: PartitionQueue, batch: Batch, error: Error, isStale: boolean): void {
    const { cluster, nodes } = this.#options
    if (this.#dropping !== undefined) {
      this.#settle(queue, batch, this.#dropping)
      return
    }
    if (this.#isExpired(batch)) {
      this.#giveUp(queue, batch, this.#timedOut(queue, batch, error))
      return
    }
    queue.putBack(batch)
    cluster.counts.produced(queue.topic).retries += batch.count
    const isSoon = error instanceof KafkaError && error.errorCode === errorCodes.CONCURRENT_TRANSACTIONS
    const backoff = isSoon ? { ...cluster.backoff, firstMs: 2 } : cluster.backoff
    queue.notBeforeMs = cluster.clock.elapsedMs() + backoffMs(backoff, batch.attempts - 1)
    if (isStale) nodes.refresh(queue.topic)
  }

  #giveUp(queue: PartitionQueue, batch: Batch, error: Error): void {
    this.#settle(queue, batch, error)
    if (batch.order >= 0) queue.failure ??= error
  }

  #isGone({ topic, inFlight }: PartitionQueue): boolean {
    const { nodes, topicTimeoutMs } = this.#options
    const missingForMs = nodes.missingForMs(topic)
    return missingForMs > 0 && missingForMs >= topicTimeoutMs && inFlight.length === 0
  }

  #giveUpAll(queue: PartitionQueue): void {
    const { topic, partition } = queue
    const what =
      `The topic "${topic}" does not exist any more, so that its records cannot be written; make it again, and start ` +
      'anew what writes to it'
    const options = { topic, partition, retryable: false }
    const error = new KafkaError(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, what, options)
    queue.seal()
    const batches = [...queue.retry.splice(0), ...queue.sealed.splice(0)]
    for (const batch of batches) this.#giveUp(queue, batch, error)
    this.#finishFailure(queue)
  }

  /** Once nothing is in flight any more, ends what was sent after a batch that was given up, and starts over. */
  #finishFailure(queue: PartitionQueue): void {
    if (queue.failure === undefined || queue.inFlight.length > 0) return
    const cause = queue.failure
    for (const batch of queue.retry.splice(0)) {
      this.#settle(
        queue,
        batch,
        new EvertError(
          'CONNECTION',
          `An earlier batch to ${queue.topic}-${queue.partition} failed; this one may or may not be in the log.`,
          { cause },
        ),
      )
    }
    queue.failure = undefined
    queue.identity = undefined
    this.#options.events.onSequencesLost()
  }

  #settle(queue: PartitionQueue, batch: Batch, error: Error): void {
    this.#options.cluster.counts.produced(queue.topic).errors += batch.count
    this.#options.records.forget(batch)
    const { waiters = [] } = batch
    for (const waiter of waiters) waiter.reject(error)
    this.#options.events.onFailure(error, waiters.length < batch.count)
  }

  #isExpired(batch: Batch): boolean {
    const { cluster, deliveryTimeoutMs } = this.#options
    return cluster.clock.elapsedMs() - batch.createdMs >= deliveryTimeoutMs
  }

  #timedOut({ topic, partition }: PartitionQueue, { attempts }: Batch, cause?: unknown): EvertError {
    const unsent =
      attempts === 0
        ? ' None was sent: the leader of the partition was out of reach, or busy with earlier ones.'
        : ''
    return new EvertError(
      'TIMEOUT',
      `Records to ${topic}-${partition} were not acknowledged within ${this.#options.deliveryTimeoutMs} ms.${unsent}`,
      { cause },
    )
  }
}
