import { produce } from '../wire/messages/produce.ts'
import { BatchDelivery, type DeliveryEvents } from './batch-delivery.ts'
import type { Cluster } from './cluster.ts'
import type { Connection } from './connection.ts'
import { holdProcess } from '../internal/hold-process.ts'
import type { NodeConnections } from './node-connections.ts'
import type { Batch, PartitionQueue, ProducerIdentity } from './partition-queue.ts'
import { type ProduceNode, ProduceNodes } from './produce-nodes.ts'
import { produceRequest, type SentBatch } from './produce-request.ts'
import type { ProducerSettings } from './producer-options.ts'
import { RecordAccumulator } from './record-accumulator.ts'

/** What the sender asks of the producer that owns it. Calls are synchronous. */
export interface SenderOwner extends DeliveryEvents {
  /** Undefined while there is none: the owner gets one and calls wake(). */
  identity(): ProducerIdentity | undefined
  /** Whether the partition may be produced to now; if not, the owner sees to it and calls wake(). */
  mayProduce(queue: PartitionQueue): boolean
  /** The newest Produce version that the transaction protocol in use allows. */
  produceVersion(): number
}

/** The broker remembers the last five batches of a producer in a partition, so no more may be without an answer. */
const MAX_IN_FLIGHT_PER_PARTITION = 5

/**
 * Algorithm. Each turn of the event loop in which records came, an answer arrived or a wait ended, one pass goes over
 * the partitions that have something: per leader it takes the oldest batch of each partition that may be sent, up to
 * the request's size, and sends it; up to `maxInFlight` requests per leader are without an answer.
 *
 * State. The queues (see PartitionQueue), the requests in flight per node, and timers for lingering batches and
 * retries. Everything is changed synchronously; promises exist per request, never per record.
 *
 * Correctness. A batch keeps its bytes and its sequences over all sends, so the broker recognises what it already
 * has; a partition with something to send again sends nothing newer; what becomes of a batch that failed is
 * BatchDelivery's.
 */
export class Sender {
  /** Where records are appended. */
  readonly records: RecordAccumulator
  readonly #cluster: Cluster
  readonly #connections: NodeConnections
  readonly #settings: ProducerSettings
  readonly #owner: SenderOwner
  readonly #nodes: ProduceNodes
  readonly #delivery: BatchDelivery
  #isScheduled = false
  #timer: { atMs: number; cancel: () => void } | undefined
  #release: (() => void) | undefined

  constructor(
    cluster: Cluster,
    connections: NodeConnections,
    settings: ProducerSettings,
    owner: SenderOwner,
  ) {
    this.#cluster = cluster
    this.#connections = connections
    this.#settings = settings
    this.#owner = owner
    this.records = new RecordAccumulator(settings, cluster.clock, {
      onBegun: batch => this.#onBegun(batch),
      onClosed: () => this.wake(),
    })
    this.#nodes = new ProduceNodes({
      cluster,
      connections,
      maxInFlight: settings.maxInFlight,
      active: this.records.active,
      wake: () => this.wake(),
      onMissing: topic => settings.warn(missing(topic, settings.topicTimeoutMs)),
    })
    this.#delivery = new BatchDelivery({
      cluster,
      records: this.records,
      nodes: this.#nodes,
      events: owner,
      deliveryTimeoutMs: settings.deliveryTimeoutMs,
      topicTimeoutMs: settings.topicTimeoutMs,
    })
  }

  /** Resolves when everything appended before is settled, well or not. */
  flush(): Promise<void> {
    return this.records.flush()
  }

  /** Gives up what is not on its way and resolves when the rest is answered; nothing is sent again meanwhile. */
  async drop(reason: Error): Promise<void> {
    this.#delivery.beginDrop(reason)
    await this.flush()
    this.#delivery.endDrop()
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

  #onBegun(batch: Batch): void {
    const { lingerMs } = this.#settings
    this.#release ??= holdProcess()
    if (lingerMs === 0) this.wake()
    else this.#wakeAt(batch.createdMs + lingerMs)
  }

  #pass(): void {
    const { active } = this.records
    this.#delivery.expire()
    if (active.size > 0) this.#wakeAt(this.#cluster.clock.elapsedMs() + this.#settings.deliveryTimeoutMs)
    while (this.#passOnce()) {
      // Another request fits.
    }
    if (active.size === 0) {
      this.#release?.()
      this.#release = undefined
    }
  }

  /** Sends at most one request per node; true when another one may follow at once. */
  #passOnce(): boolean {
    const { active } = this.records
    for (const queue of active) if (queue.isIdle) active.delete(queue)
    const identity = active.size > 0 ? this.#owner.identity() : undefined
    if (identity === undefined) return false
    const nowMs = this.#cluster.clock.elapsedMs()
    const requests = new Map<ProduceNode, { bytes: number; sent: SentBatch[] }>()
    let isMore = false
    for (const queue of active) {
      if (!this.#isSendable(queue, nowMs)) continue
      const node = this.#nodes.readyLeader(queue)
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
      const batch = this.records.take(queue, identity)
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

  #send(node: ProduceNode, sent: readonly SentBatch[]): void {
    const connection = this.#connections.peek(node.nodeId) as Connection
    const { metadata, requestTimeoutMs: timeoutMs } = this.#cluster
    const { transactionalId } = this.#settings
    node.inFlight++
    connection
      .send(produce, produceRequest(sent, metadata, { transactionalId, timeoutMs }), {
        maxVersion: this.#owner.produceVersion(),
        timeoutMs,
      })
      .then(
        response => {
          node.inFlight--
          this.#delivery.onResponse(sent, response, connection)
        },
        error => {
          node.inFlight--
          this.#delivery.onNoResponse(sent, error as Error)
        },
      )
      .finally(() => this.wake())
  }

  #wakeAt(atMs: number): void {
    if (this.#timer !== undefined && this.#timer.atMs <= atMs) return
    this.#timer?.cancel()
    const delayMs = Math.max(0, atMs - this.#cluster.clock.elapsedMs())
    const cancel = this.#cluster.clock.schedule(delayMs, () => {
      this.#timer = undefined
      this.wake()
    })
    this.#timer = { atMs, cancel }
  }
}

function missing(topic: string, topicTimeoutMs: number): string {
  return (
    `The topic "${topic}", to which records wait to be written, does not exist any more. If it is not made again ` +
    `within ${topicTimeoutMs} ms, they are given up.`
  )
}
