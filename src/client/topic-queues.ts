import type { RecordHeader } from '../records/record-batch.ts'
import { partitionFor } from '../records/partitioner.ts'
import type { Metadata } from './metadata.ts'
import { PartitionQueue, type RecordWaiter } from './partition-queue.ts'

/** A record whose topic's metadata is not known yet, copied. */
export interface WaitingRecord {
  readonly partition: number | undefined
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
  readonly sizeBytes: number
  readonly waiter: Omit<RecordWaiter, 'index'> | undefined
}

/** The queues of one topic, and the records that wait until its number of partitions is known. */
export class TopicQueues {
  readonly topic: string
  readonly #metadata: Metadata
  readonly #queues: (PartitionQueue | undefined)[] = []
  waiting: WaitingRecord[] = []
  #knownPartitions = 0
  #sticky = -1
  #maxBatchBytes = Infinity

  constructor(topic: string, metadata: Metadata) {
    this.topic = topic
    this.#metadata = metadata
  }

  /** Whether a record can go straight to its batch; those that came before it go first. */
  get isReady(): boolean {
    return this.waiting.length === 0 && this.#partitions > 0
  }

  queue(partition: number): PartitionQueue {
    let queue = this.#queues[partition]
    if (queue === undefined) {
      queue = new PartitionQueue(this.topic, partition)
      queue.maxBatchBytes = this.#maxBatchBytes
      this.#queues[partition] = queue
    }
    return queue
  }

  set maxBatchBytes(bytes: number) {
    this.#maxBatchBytes = bytes
    for (const queue of this.#queues) if (queue !== undefined) queue.maxBatchBytes = bytes
  }

  /** See PartitionQueue.lastOffset. */
  lastOffset(partition: number): number {
    return this.#queues[partition]?.lastOffset ?? -1
  }

  /** By the default partitioner. Records without a key stay with one partition until its batch was closed. */
  queueFor(key: Buffer | null): PartitionQueue {
    const partitions = this.#partitions
    if (key !== null) return this.queue(partitionFor(key, partitions))
    if (this.#sticky < 0 || this.queue(this.#sticky).open === undefined) {
      this.#sticky = (this.#sticky + 1) % partitions
    }
    return this.queue(this.#sticky)
  }

  get #partitions(): number {
    const topic = this.#metadata.topic(this.topic)
    if (topic !== undefined) this.#knownPartitions = topic.leaders.length
    return this.#knownPartitions
  }
}
