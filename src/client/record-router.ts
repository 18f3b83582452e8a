import type { RecordHeader } from '../records/record-batch.ts'
import type { Cluster } from './cluster.ts'
import { isTopicMissing, KafkaError } from './kafka-error.ts'
import type { PartitionQueue, RecordWaiter } from './partition-queue.ts'
import type { RecordAccumulator } from './record-accumulator.ts'
import { backoffMs, delay, isChannelError } from './retry.ts'
import { TopicQueues, type WaitingRecord } from './topic-queues.ts'

export interface RecordRouterOptions {
  readonly cluster: Cluster
  readonly records: RecordAccumulator
  readonly topicTimeoutMs: number
  /** Records were given up. `unreported`: some of them have nobody waiting for them. */
  readonly onFailure: (error: Error, unreported: boolean) => void
  readonly onSettled: () => void
}

/**
 * Brings records to the queues of their partitions. While the partitions of a topic are not known it keeps copies, in
 * order, until they are, or until that took too long.
 */
export class RecordRouter {
  readonly #options: RecordRouterOptions
  readonly #records: RecordAccumulator
  readonly #topics = new Map<string, TopicQueues>()
  /** By topic whose metadata is being asked for: ends when its records went on, or failed. Never rejects. */
  readonly #resolving = new Map<string, Promise<void>>()
  #waitingBytes = 0

  constructor(options: RecordRouterOptions) {
    this.#options = options
    this.#records = options.records
  }

  /** Of records that wait for their topic. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  append(
    topic: string,
    partition: number | undefined,
    timestamp: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: readonly RecordHeader[],
    waiter: Omit<RecordWaiter, 'index'> | undefined,
  ): void {
    const queues = this.#topics.get(topic) ?? this.#open(topic)
    if (!queues.isReady) {
      this.#defer(queues, { partition, timestamp, key, value, headers, waiter })
      return
    }
    const queue = partition === undefined ? queues.queueFor(key) : queues.queue(partition)
    this.#put(queue, timestamp, key, value, headers, waiter)
  }

  limitBatches(topic: string, maxBytes: number): void {
    const queues = this.#topics.get(topic) ?? this.#open(topic)
    queues.maxBatchBytes = maxBytes
  }

  /** See PartitionQueue.lastOffset. */
  lastOffset(topic: string, partition: number): number {
    return this.#topics.get(topic)?.lastOffset(partition) ?? -1
  }

  /** Resolves when no record waits for its topic any more. */
  async settled(): Promise<void> {
    while (this.#resolving.size > 0) await Promise.all(this.#resolving.values())
  }

  /** Gives up the records that wait for their topic. */
  failWaiting(error: Error): void {
    for (const queues of this.#topics.values()) this.#fail(queues, error)
  }

  #open(topic: string): TopicQueues {
    const queues = new TopicQueues(topic, this.#options.cluster.metadata)
    this.#topics.set(topic, queues)
    return queues
  }

  #put(
    queue: PartitionQueue,
    timestamp: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: readonly RecordHeader[],
    waiter: Omit<RecordWaiter, 'index'> | undefined,
  ): void {
    const batch = this.#records.append(queue, timestamp, key, value, headers)
    if (waiter !== undefined) (batch.waiters ??= []).push({ index: batch.count - 1, ...waiter })
  }

  #defer(queues: TopicQueues, record: Omit<WaitingRecord, 'sizeBytes'>): void {
    const { key, value, headers } = record
    const sizeBytes = (key?.length ?? 0) + (value?.length ?? 0)
    queues.waiting.push({
      ...record,
      key: copyOf(key),
      value: copyOf(value),
      headers: headers.map(header => ({ key: header.key, value: copyOf(header.value) })),
      sizeBytes,
    })
    this.#waitingBytes += sizeBytes
    if (this.#resolving.has(queues.topic)) return
    const resolving = this.#resolve(queues).finally(() => this.#resolving.delete(queues.topic))
    this.#resolving.set(queues.topic, resolving)
  }

  /** Waits for the topic's metadata, then sends the deferred records on. */
  async #resolve(queues: TopicQueues): Promise<void> {
    const { cluster, topicTimeoutMs } = this.#options
    const { clock, metadata, backoff } = cluster
    const deadlineMs = clock.elapsedMs() + topicTimeoutMs
    for (let attempt = 0; ; attempt++) {
      try {
        await metadata.require(queues.topic)
        break
      } catch (error) {
        const waitMs = backoffMs(backoff, attempt)
        const mayPass = isTopicMissing(error) || isChannelError(error)
        if (!mayPass || clock.elapsedMs() + waitMs > deadlineMs) {
          this.#fail(queues, isTopicMissing(error) ? stayedAway(error, queues.topic) : (error as Error))
          return
        }
        await delay(clock, waitMs)
      }
    }
    for (const { partition, timestamp, key, value, headers, waiter } of this.#takeWaiting(queues)) {
      const queue = partition === undefined ? queues.queueFor(key) : queues.queue(partition)
      this.#put(queue, timestamp, key, value, headers, waiter)
    }
  }

  #fail(queues: TopicQueues, error: Error): void {
    const { onFailure, onSettled } = this.#options
    const records = this.#takeWaiting(queues)
    for (const { waiter } of records) waiter?.reject(error)
    if (records.length > 0) {
      onFailure(
        error,
        records.some(({ waiter }) => waiter === undefined),
      )
    }
    onSettled()
  }

  #takeWaiting(queues: TopicQueues): readonly WaitingRecord[] {
    const records = queues.waiting
    queues.waiting = []
    for (const record of records) this.#waitingBytes -= record.sizeBytes
    return records
  }
}

/** It was waited for already. */
function stayedAway(cause: KafkaError, topic: string): KafkaError {
  return new KafkaError(cause.errorCode, `The topic "${topic}" does not exist`, {
    cause,
    topic,
    retryable: false,
  })
}

function copyOf(bytes: Buffer | null): Buffer | null {
  return bytes && Buffer.from(bytes)
}
