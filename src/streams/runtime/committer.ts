import { commitOffsets } from '../../client/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import type { CommittableOffset, GroupIdentity } from '../../client/committable-offset.ts'
import { Producer } from '../../client/producer.ts'
import { isChannelError } from '../../client/retry.ts'
import type { Logger } from './logger.ts'
import { isMigration } from './migration.ts'
import type { RecordCollector } from '../state/record-collector.ts'

export type Guarantee = 'exactly_once' | 'at_least_once'

/**
 * Where all tasks of a worker write to, and how what they wrote becomes final.
 *
 * Contract: between `start` (or the end of `commit` or `abort`) and the next `commit` or `abort` records may be
 * collected. `commit` resolves when the records and the offsets are final, under exactly-once all of them together;
 * when it rejects, `abort` must follow. After `abort` nothing that was collected since the last commit becomes
 * visible under exactly-once; under at-least-once it may.
 */
export interface Committer extends RecordCollector {
  start(): Promise<void>
  commit(offsets: readonly CommittableOffset[]): Promise<void>
  abort(): Promise<void>
  /** Offset of the newest record that is known to be in the partition, or -1. */
  lastOffset(topic: string, partition: number): number
  /** Batches of a topic grow no larger. */
  limitBatches(topic: string, maxBytes: number): void
  /** Names its transactions; undefined under at-least-once. */
  readonly transactionalId: string | undefined
  /** So much waits to be sent that a commit is due. */
  readonly isFull: boolean
  close(): Promise<void>
  /** Closes at once, whatever is under way. An open transaction stays open until the cluster ends it. */
  abandon(): Promise<void>
}

export interface CommitterOptions {
  readonly cluster: Cluster
  /** Who commits, at this moment. */
  readonly group: () => GroupIdentity
  /** Names the producer's transactions: at most one live worker uses it. */
  readonly transactionalId: string
  /** How long a topic that does not exist is waited for. */
  readonly topicTimeoutMs: number
  readonly logger: Logger
}

/** Kafka Streams' default under exactly-once: an instance that died blocks readers no longer than this. */
export const TRANSACTION_TIMEOUT_MS = 10_000

export function openCommitter(guarantee: Guarantee, options: CommitterOptions): Committer {
  return guarantee === 'exactly_once' ? new ExactlyOnce(options) : new AtLeastOnce(options)
}

/** One Kafka transaction per commit (KIP-447, KIP-890). */
class ExactlyOnce implements Committer {
  readonly transactionalId: string
  readonly #producer: Producer
  readonly #group: () => GroupIdentity
  readonly collect: RecordCollector['collect']

  constructor({ cluster, group, transactionalId, topicTimeoutMs, logger }: CommitterOptions) {
    this.#group = group
    this.transactionalId = transactionalId
    const transactionTimeoutMs = TRANSACTION_TIMEOUT_MS
    this.#producer = new Producer(cluster, {
      transactionalId,
      transactionTimeoutMs,
      topicTimeoutMs,
      warn: message => logger.warn(message),
    })
    this.collect = this.#producer.append.bind(this.#producer)
  }

  async start(): Promise<void> {
    await this.#producer.init()
    this.#producer.begin()
  }

  async commit(offsets: readonly CommittableOffset[]): Promise<void> {
    await this.#producer.commit({ offsets, group: this.#group() })
    this.#producer.begin()
  }

  /** A transaction that cannot be aborted by its producer is ended by taking the transactional id anew. */
  async abort(): Promise<void> {
    try {
      await this.#producer.abort()
    } catch (error) {
      if (!isMigration(error) && !isChannelError(error)) throw error
      await this.#producer.init()
    }
    this.#producer.begin()
  }

  lastOffset(topic: string, partition: number): number {
    return this.#producer.lastOffset(topic, partition)
  }

  limitBatches(topic: string, maxBytes: number): void {
    this.#producer.limitBatches(topic, maxBytes)
  }

  get isFull(): boolean {
    return this.#producer.isFull
  }

  close(): Promise<void> {
    return this.#producer.close()
  }

  abandon(): Promise<void> {
    return this.#producer.abandon()
  }
}

/** Records first, then the offsets: after a crash in between, the records are made again. */
class AtLeastOnce implements Committer {
  readonly transactionalId = undefined
  readonly #producer: Producer
  readonly #cluster: Cluster
  #isAbandoned = false
  readonly #group: () => GroupIdentity
  readonly collect: RecordCollector['collect']

  constructor({ cluster, group, topicTimeoutMs, logger }: CommitterOptions) {
    this.#cluster = cluster
    this.#group = group
    this.#producer = new Producer(cluster, { topicTimeoutMs, warn: message => logger.warn(message) })
    this.collect = this.#producer.append.bind(this.#producer)
  }

  async start(): Promise<void> {
    await this.#producer.init()
  }

  async commit(offsets: readonly CommittableOffset[]): Promise<void> {
    await this.#producer.flush()
    if (offsets.length > 0) {
      await commitOffsets(this.#cluster, this.#group(), offsets, () => this.#isAbandoned)
    }
  }

  /** Waits until nothing is on its way; what failed to arrive is made again with its input. */
  async abort(): Promise<void> {
    await this.#producer.flush().catch(() => {})
  }

  lastOffset(topic: string, partition: number): number {
    return this.#producer.lastOffset(topic, partition)
  }

  limitBatches(topic: string, maxBytes: number): void {
    this.#producer.limitBatches(topic, maxBytes)
  }

  get isFull(): boolean {
    return this.#producer.isFull
  }

  close(): Promise<void> {
    return this.#producer.close()
  }

  abandon(): Promise<void> {
    this.#isAbandoned = true
    return this.#producer.abandon()
  }
}
