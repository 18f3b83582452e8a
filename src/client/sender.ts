import { EvertError } from '../errors.ts'
import type { Compression } from '../records/compression.ts'
import type { RecordHeader } from '../records/record-batch.ts'
import { RecordBatchBuilder } from '../records/record-batch-builder.ts'
import { errorCodes, isRetryable } from '../wire/error-codes.ts'
import type { RequestInputOf, ResponseOf } from '../wire/message.ts'
import { produce } from '../wire/messages/produce.ts'
import type { Cluster } from './cluster.ts'
import type { Connection } from './connection.ts'
import { holdProcess } from './hold-process.ts'
import { KafkaError } from './kafka-error.ts'
import type { NodeConnections } from './node-connections.ts'
import { type Batch, PartitionQueue, type ProducerIdentity } from './partition-queue.ts'
import { backoffMs, isChannelError } from './retry.ts'

export interface SenderSettings {
  readonly transactionalId: string | undefined
  readonly compression: Compression
  readonly batchBytes: number
  readonly lingerMs: number
  readonly maxRequestBytes: number
  readonly maxInFlight: number
  readonly deliveryTimeoutMs: number
}

/** What the sender asks of the producer that owns it. Calls are synchronous. */
export interface SenderOwner {
  /** Undefined while there is none: the owner gets one and calls wake(). */
  identity(): ProducerIdentity | undefined
  /** Whether the partition may be produced to now; if not, the owner sees to it and calls wake(). */
  mayProduce(queue: PartitionQueue): boolean
  /** The newest Produce version that the transaction protocol in use allows. */
  produceVersion(): number
  /** A batch was given up. `unreported`: some of its records have nobody waiting for them. */
  onFailure(error: Error, unreported: boolean): void
  /** Sequences of a partition are spent: a new identity is needed for it. */
  onSequencesLost(): void
  onSettled(): void
}

/** The broker remembers the last five batches of a producer in a partition, so no more may be without an answer. */
const MAX_IN_FLIGHT_PER_PARTITION = 5
const MAX_IDLE_BUILDERS = 64
/** A record's lengths, deltas and attributes, generously. */
const RECORD_OVERHEAD_BYTES = 32
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

interface Node {
  readonly nodeId: number
  inFlight: number
  isConnecting: boolean
}

interface Sent {
  readonly queue: PartitionQueue
  readonly batch: Batch
}

/**
 * Algorithm. Each turn of the event loop in which records came, an answer arrived or a wait ended, one pass goes over
 * the partitions that have something: per leader it takes the oldest batch of each partition that may be sent, up to
 * the request's size, and sends it; up to `maxInFlight` requests per leader are without an answer.
 *
 * State. The queues (see PartitionQueue), the requests in flight per node, and timers for lingering batches and
 * retries. Everything is changed synchronously; promises exist per request, never per record.
 *
 * Correctness. A batch keeps its bytes and its sequences over all sends, so the broker recognises what it already
 * has; a partition with something to send again sends nothing newer; a sent batch that is given up takes down all
 * that was sent after it, and only then does the partition start over under a new identity.
 */
export class Sender {
  readonly #cluster: Cluster
  readonly #connections: NodeConnections
  readonly #settings: SenderSettings
  readonly #owner: SenderOwner
  readonly #active = new Set<PartitionQueue>()
  readonly #nodes = new Map<number, Node>()
  readonly #idleBuilders: RecordBatchBuilder[] = []
  #bufferedBytes = 0
  #nextOrder = 0
  #isScheduled = false
  #isRefreshing = false
  #refreshFailures = 0
  #timer: { atMs: number; cancel: () => void } | undefined
  #dropping: Error | undefined
  #release: (() => void) | undefined

  constructor(cluster: Cluster, connections: NodeConnections, settings: SenderSettings, owner: SenderOwner) {
    this.#cluster = cluster
    this.#connections = connections
    this.#settings = settings
    this.#owner = owner
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  /** Copies one record into the open batch of its partition, which it returns. */
  append(
    queue: PartitionQueue,
    timestamp: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: readonly RecordHeader[],
  ): Batch {
    let batch = queue.open
    if (
      batch !== undefined &&
      (batch.builder as RecordBatchBuilder).sizeBytes + sizeOf(key, value, headers) >
        this.#settings.batchBytes
    ) {
      queue.seal()
      batch = undefined
      this.wake()
    }
    batch ??= this.#begin(queue)
    const builder = batch.builder as RecordBatchBuilder
    builder.append(timestamp, key, value, headers)
    batch.count++
    this.#bufferedBytes += builder.sizeBytes - batch.sizeBytes
    batch.sizeBytes = builder.sizeBytes
    return batch
  }

  /** Resolves when everything appended before is settled, well or not. */
  flush(): Promise<void> {
    return new Promise(resolve => {
      const flush = { remaining: 0, resolve }
      for (const queue of this.#active) {
        queue.seal()
        for (const batch of queue.batches()) {
          flush.remaining++
          ;(batch.flushes ??= []).push(flush)
        }
      }
      if (flush.remaining === 0) resolve()
      else this.wake()
    })
  }

  /** Gives up what is not on its way and resolves when the rest is answered; nothing is sent again meanwhile. */
  async drop(reason: Error): Promise<void> {
    this.#dropping = reason
    for (const queue of this.#active) {
      queue.seal()
      for (const batch of queue.sealed.splice(0)) this.#settle(batch, reason)
      for (const batch of queue.retry.splice(0)) this.#settle(batch, reason)
    }
    await this.flush()
    this.#dropping = undefined
  }

  /** Runs a pass at the end of this turn. */
  wake(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#pass()
    })
  }

  close(): void {
    this.#timer?.cancel()
    this.#release?.()
  }

  #begin(queue: PartitionQueue): Batch {
    const { compression, lingerMs } = this.#settings
    const builder = this.#idleBuilders.pop() ?? new RecordBatchBuilder({ compression })
    const batch: Batch = {
      builder,
      bytes: undefined,
      createdMs: this.#cluster.clock.nowMs(),
      sizeBytes: 0,
      count: 0,
      attempts: 0,
      order: -1,
      waiters: undefined,
      flushes: undefined,
    }
    queue.open = batch
    this.#active.add(queue)
    this.#release ??= holdProcess()
    if (lingerMs === 0) this.wake()
    else this.#wakeAt(batch.createdMs + lingerMs)
    return batch
  }

  #pass(): void {
    this.#expire()
    while (this.#passOnce()) {
      // Another request fits.
    }
    if (this.#active.size === 0) {
      this.#release?.()
      this.#release = undefined
    }
  }

  /** Sends at most one request per node; true when another one may follow at once. */
  #passOnce(): boolean {
    for (const queue of this.#active) if (queue.isIdle) this.#active.delete(queue)
    const identity = this.#active.size > 0 ? this.#owner.identity() : undefined
    if (identity === undefined) return false
    const nowMs = this.#cluster.clock.nowMs()
    const requests = new Map<Node, { bytes: number; sent: Sent[] }>()
    let isMore = false
    for (const queue of this.#active) {
      if (!this.#isSendable(queue, nowMs)) continue
      const node = this.#readyLeader(queue)
      if (node === undefined || !this.#owner.mayProduce(queue)) continue
      let request = requests.get(node)
      if (request === undefined) {
        request = { bytes: 0, sent: [] }
        requests.set(node, request)
      }
      const head = (queue.retry[0] ?? queue.sealed[0] ?? queue.open) as Batch
      if (request.sent.length > 0 && request.bytes + head.sizeBytes > this.#settings.maxRequestBytes) {
        isMore = true
        continue
      }
      const batch = this.#take(queue, identity)
      request.bytes += batch.sizeBytes
      request.sent.push({ queue, batch })
      isMore ||= queue.sealed.length > 0
    }
    for (const [node, { sent }] of requests) this.#send(node, sent)
    return isMore && requests.size > 0
  }

  #isSendable(queue: PartitionQueue, nowMs: number): boolean {
    if (queue.failure !== undefined) return false
    if (queue.notBeforeMs > nowMs) {
      this.#wakeAt(queue.notBeforeMs)
      return false
    }
    if (queue.mustGoAlone && queue.inFlight.length > 0) return false
    if (queue.retry.length > 0) return true
    if (queue.inFlight.length >= MAX_IN_FLIGHT_PER_PARTITION) return false
    if (queue.sealed.length > 0) return true
    if (queue.open === undefined) return false
    const dueMs = queue.open.createdMs + this.#settings.lingerMs
    if (dueMs <= nowMs) return true
    this.#wakeAt(dueMs)
    return false
  }

  /** The node to send to now; starts what is missing (metadata, connection) and answers undefined otherwise. */
  #readyLeader(queue: PartitionQueue): Node | undefined {
    const nodeId = this.#cluster.metadata.leaderOf(queue.topic, queue.partition)
    if (nodeId < 0) {
      this.#refresh(queue.topic)
      return undefined
    }
    let node = this.#nodes.get(nodeId)
    if (node === undefined) {
      node = { nodeId, inFlight: 0, isConnecting: false }
      this.#nodes.set(nodeId, node)
    }
    if (node.inFlight >= this.#settings.maxInFlight) return undefined
    if (this.#connections.peek(nodeId) !== undefined) return node
    if (!node.isConnecting) this.#connect(node, queue.topic)
    return undefined
  }

  #connect(node: Node, topic: string): void {
    node.isConnecting = true
    this.#connections.get(node.nodeId).then(
      () => {
        node.isConnecting = false
        this.wake()
      },
      error => {
        node.isConnecting = false
        if (isChannelError(error)) this.#refresh(topic)
      },
    )
  }

  /** One refresh at a time, followed by a pass; after a failure or while a leader is missing, with growing pauses. */
  #refresh(topic: string): void {
    if (this.#isRefreshing) return
    this.#isRefreshing = true
    const done = (): void => {
      const { clock } = this.#cluster
      clock.schedule(backoffMs(this.#cluster.backoff, this.#refreshFailures++), () => {
        this.#isRefreshing = false
        this.wake()
      })
    }
    const topics = new Set([topic])
    for (const queue of this.#active) topics.add(queue.topic)
    this.#cluster.metadata
      .refresh([...topics])
      .then(() => this.wake())
      .then(done, done)
  }

  #take(queue: PartitionQueue, identity: ProducerIdentity): Batch {
    const again = queue.retry.shift()
    if (again !== undefined) {
      queue.inFlight.push(again)
      again.attempts++
      return again
    }
    if (queue.sealed.length === 0) queue.seal()
    const batch = queue.sealed.shift() as Batch
    if (queue.identity === undefined || (queue.identity !== identity && queue.inFlight.length === 0)) {
      queue.adopt(identity)
    }
    const { producerId, epoch } = queue.identity as ProducerIdentity
    const builder = batch.builder as RecordBatchBuilder
    batch.bytes = builder.build({
      producerId,
      producerEpoch: epoch,
      baseSequence: queue.takeSequences(batch.count),
      transactional: this.#settings.transactionalId !== undefined,
    })
    batch.builder = undefined
    builder.reset()
    if (this.#idleBuilders.length < MAX_IDLE_BUILDERS) this.#idleBuilders.push(builder)
    batch.order = this.#nextOrder++
    batch.attempts++
    queue.inFlight.push(batch)
    return batch
  }

  #send(node: Node, sent: readonly Sent[]): void {
    const connection = this.#connections.peek(node.nodeId) as Connection
    const { requestTimeoutMs } = this.#cluster
    node.inFlight++
    connection
      .send(produce, this.#request(sent, requestTimeoutMs), {
        maxVersion: this.#owner.produceVersion(),
        timeoutMs: requestTimeoutMs,
      })
      .then(
        response => {
          node.inFlight--
          this.#onResponse(sent, response)
        },
        error => {
          node.inFlight--
          this.#onNoResponse(sent, error as Error)
        },
      )
      .finally(() => this.wake())
  }

  #request(sent: readonly Sent[], timeoutMs: number): RequestInputOf<typeof produce> {
    const { metadata } = this.#cluster
    type TopicData = RequestInputOf<typeof produce>['topicData'][number]
    const topics = new Map<string, TopicData>()
    for (const { queue, batch } of sent) {
      let topic = topics.get(queue.topic)
      if (topic === undefined) {
        topic = { name: queue.topic, topicId: metadata.topic(queue.topic)?.topicId, partitionData: [] }
        topics.set(queue.topic, topic)
      }
      topic.partitionData.push({ index: queue.partition, records: batch.bytes as Buffer })
    }
    const { transactionalId = null } = this.#settings
    return { transactionalId, acks: -1, timeoutMs, topicData: [...topics.values()] }
  }

  #onResponse(sent: readonly Sent[], response: ResponseOf<typeof produce>): void {
    const answers = new Map<
      string,
      ResponseOf<typeof produce>['responses'][number]['partitionResponses'][number]
    >()
    for (const { name, topicId, partitionResponses } of response.responses) {
      const topic = name === '' ? this.#cluster.metadata.nameOf(topicId) : name
      for (const answer of partitionResponses) answers.set(`${answer.index}/${topic}`, answer)
    }
    for (const { queue, batch } of sent) {
      const answer = answers.get(`${queue.partition}/${queue.topic}`)
      queue.inFlight.splice(queue.inFlight.indexOf(batch), 1)
      if (answer === undefined) {
        // The topic was deleted and made again meanwhile, so its id has another name here now: ask again.
        this.#again(
          queue,
          batch,
          new KafkaError(errorCodes.UNKNOWN_TOPIC_ID, `Producing to ${queue.topic}-${queue.partition}`),
          true,
        )
      } else {
        this.#onAnswer(queue, batch, answer)
      }
      this.#finishFailure(queue)
    }
    this.#owner.onSettled()
  }

  #onAnswer(
    queue: PartitionQueue,
    batch: Batch,
    answer: { errorCode: number; errorMessage: string | null; baseOffset: number },
  ): void {
    const { errorCode } = answer
    if (errorCode === errorCodes.NONE || errorCode === errorCodes.DUPLICATE_SEQUENCE_NUMBER) {
      this.#refreshFailures = 0
      this.#acknowledge(queue, batch, errorCode === errorCodes.NONE ? answer.baseOffset : -1)
      return
    }
    const where = { topic: queue.topic, partition: queue.partition }
    const detail = answer.errorMessage === null ? '' : ` (${answer.errorMessage})`
    const error = new KafkaError(
      errorCode,
      `Producing to ${queue.topic}-${queue.partition} was refused${detail}`,
      where,
    )
    const isEarlierMissing = OUT_OF_SEQUENCE.has(errorCode) && queue.hasEarlier(batch)
    if (isRetryable(errorCode) || isEarlierMissing) {
      this.#again(queue, batch, error, STALE_METADATA.has(errorCode))
    } else {
      this.#giveUp(queue, batch, error)
    }
  }

  #onNoResponse(sent: readonly Sent[], error: Error): void {
    for (const { queue, batch } of sent) {
      queue.inFlight.splice(queue.inFlight.indexOf(batch), 1)
      if (isChannelError(error)) this.#again(queue, batch, error, true)
      else this.#giveUp(queue, batch, error)
      this.#finishFailure(queue)
    }
    this.#owner.onSettled()
  }

  #acknowledge(queue: PartitionQueue, batch: Batch, baseOffset: number): void {
    this.#forget(batch)
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
    if (this.#dropping !== undefined) {
      this.#settle(batch, this.#dropping)
      return
    }
    if (this.#isExpired(batch)) {
      this.#giveUp(queue, batch, this.#timedOut(queue, error))
      return
    }
    queue.putBack(batch)
    const isSoon = error instanceof KafkaError && error.errorCode === errorCodes.CONCURRENT_TRANSACTIONS
    const backoff = isSoon ? { ...this.#cluster.backoff, firstMs: 2 } : this.#cluster.backoff
    queue.notBeforeMs = this.#cluster.clock.nowMs() + backoffMs(backoff, batch.attempts - 1)
    if (isStale) this.#refresh(queue.topic)
  }

  #giveUp(queue: PartitionQueue, batch: Batch, error: Error): void {
    this.#settle(batch, error)
    if (batch.order >= 0) queue.failure ??= error
  }

  /** Once nothing is in flight any more, ends what was sent after a batch that was given up, and starts over. */
  #finishFailure(queue: PartitionQueue): void {
    if (queue.failure === undefined || queue.inFlight.length > 0) return
    const cause = queue.failure
    for (const batch of queue.retry.splice(0)) {
      this.#settle(
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
    this.#owner.onSequencesLost()
  }

  #settle(batch: Batch, error: Error): void {
    this.#forget(batch)
    const { waiters = [] } = batch
    for (const waiter of waiters) waiter.reject(error)
    this.#owner.onFailure(error, waiters.length < batch.count)
  }

  #forget(batch: Batch): void {
    this.#bufferedBytes -= batch.sizeBytes
    for (const flush of batch.flushes ?? []) if (--flush.remaining === 0) flush.resolve()
  }

  #expire(): void {
    for (const queue of this.#active) {
      if (queue.retry.length > 0 && queue.inFlight.length === 0 && this.#isExpired(queue.retry[0] as Batch)) {
        this.#giveUp(queue, queue.retry.shift() as Batch, this.#timedOut(queue))
        this.#finishFailure(queue)
      }
      while (queue.sealed.length > 0 && this.#isExpired(queue.sealed[0] as Batch)) {
        this.#settle(queue.sealed.shift() as Batch, this.#timedOut(queue))
      }
      if (queue.sealed.length === 0 && queue.open !== undefined && this.#isExpired(queue.open)) {
        this.#settle(queue.open, this.#timedOut(queue))
        queue.open = undefined
      }
    }
    if (this.#active.size > 0) this.#wakeAt(this.#cluster.clock.nowMs() + this.#settings.deliveryTimeoutMs)
    this.#owner.onSettled()
  }

  #isExpired(batch: Batch): boolean {
    return this.#cluster.clock.nowMs() - batch.createdMs >= this.#settings.deliveryTimeoutMs
  }

  #timedOut(queue: PartitionQueue, cause?: unknown): EvertError {
    return new EvertError(
      'TIMEOUT',
      `Records to ${queue.topic}-${queue.partition} were not acknowledged within ${this.#settings.deliveryTimeoutMs} ms.`,
      { cause },
    )
  }

  #wakeAt(atMs: number): void {
    if (this.#timer !== undefined && this.#timer.atMs <= atMs) return
    this.#timer?.cancel()
    const delayMs = Math.max(0, atMs - this.#cluster.clock.nowMs())
    const cancel = this.#cluster.clock.schedule(delayMs, () => {
      this.#timer = undefined
      this.wake()
    })
    this.#timer = { atMs, cancel }
  }
}

function sizeOf(key: Buffer | null, value: Buffer | null, headers: readonly RecordHeader[]): number {
  let size = RECORD_OVERHEAD_BYTES + (key === null ? 0 : key.length) + (value === null ? 0 : value.length)
  for (const header of headers)
    size += RECORD_OVERHEAD_BYTES + header.key.length * 3 + (header.value?.length ?? 0)
  return size
}
