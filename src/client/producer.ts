import { EvertError, isEvertError } from '../errors.ts'
import type { RecordHeader } from '../records/record-batch.ts'
import { produce } from '../wire/messages/produce.ts'
import type { Cluster } from './cluster.ts'
import type { CommittableOffset, GroupIdentity } from './committable-offset.ts'
import { IdempotentIdentity } from './idempotent-identity.ts'
import { ProducerFencedError } from './kafka-error.ts'
import { misuse } from './misuse.ts'
import type { NodeConnections } from './node-connections.ts'
import type { Acknowledgement, ProducerIdentity } from './partition-queue.ts'
import { type ProducerOptions, type ProducerSettings, producerSettings } from './producer-options.ts'
import { RecordRouter } from './record-router.ts'
import { Sender, type SenderOwner } from './sender.ts'
import { TransactionClient } from './transaction-client.ts'
import { Transactions } from './transactions.ts'

export interface ProducerRecord {
  readonly topic: string
  /** Default: murmur2 of the key; null keys stick to one partition per batch, round robin. */
  readonly partition?: number
  /** Default: the clock's now. */
  readonly timestamp?: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: readonly RecordHeader[]
}

/**
 * An idempotent producer: appended records reach their partition in order, once, or their failure is reported.
 *
 * Contract: `append` copies what it is given and never waits. A failed delivery is never silent: it rejects the
 * `send` of its record and the next `flush` or `commit`. In a transaction it also poisons it: only `abort` leads on.
 * Calls of begin/commit/abort do not overlap. ProducerFencedError: another instance took over the transactional id;
 * nothing of the open transaction becomes visible; init() would take the id back.
 */
export class Producer implements AsyncDisposable {
  readonly #cluster: Cluster
  readonly #connections: NodeConnections
  readonly #bufferLimit: number
  readonly #sender: Sender
  readonly #router: RecordRouter
  readonly #transactions: Transactions | undefined
  /** Of a producer without transactions. */
  readonly #identity: IdempotentIdentity
  #drainWaiters: (() => void)[] = []
  /** Not transactional: the first failure that no flush has reported. */
  #unreported: Error | undefined
  #isDropping = false
  #isClosed = false
  #released: Promise<void> | undefined

  constructor(cluster: Cluster, options: ProducerOptions = {}) {
    const settings = producerSettings(options)
    this.#cluster = cluster
    this.#connections = cluster.openConnections()
    this.#bufferLimit = settings.bufferBytes
    this.#sender = new Sender(cluster, this.#connections, settings, this.#senderOwner())
    this.#router = new RecordRouter({
      cluster,
      records: this.#sender.records,
      topicTimeoutMs: settings.topicTimeoutMs,
      onFailure: (error, unreported) => this.#onFailure(error, unreported),
      onSettled: () => this.#onSettled(),
    })
    this.#identity = new IdempotentIdentity({
      cluster,
      connections: this.#connections,
      isClosed: () => this.#isClosed,
      wake: () => this.#sender.wake(),
    })
    this.#transactions = this.#openTransactions(settings)
  }

  /** Takes the producer id. Transactional: fences older instances of the id and ends what they left open. */
  async init(): Promise<void> {
    await (this.#transactions === undefined ? this.#identity.ensure() : this.#transactions.init())
  }

  /** Fetches the metadata of topics, so that the first appends go straight to their batches. */
  async prepare(topics: readonly string[]): Promise<void> {
    await Promise.all(topics.map(topic => this.#cluster.metadata.require(topic)))
  }

  append(
    topic: string,
    partition: number | undefined,
    timestamp: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: readonly RecordHeader[],
  ): void {
    if (this.#accepts()) this.#router.append(topic, partition, timestamp, key, value, headers, undefined)
  }

  /** Appends one record; resolves when it is acknowledged (offset -1 when the broker only knows that it is a duplicate). */
  send(record: ProducerRecord): Promise<Acknowledgement> {
    const { topic, partition, timestamp = this.#cluster.clock.nowMs(), key, value, headers = [] } = record
    return new Promise((resolve, reject) => {
      const poison = this.#transactions?.poison
      if (poison !== undefined) throw poison
      if (this.#accepts()) {
        this.#router.append(topic, partition, timestamp, key, value, headers, { resolve, reject })
      }
    })
  }

  /**
   * Sends what is buffered; resolves when everything appended before is acknowledged. Rejects with the first failure
   * since the last call (in a transaction: with what poisons it) that no `send` has reported.
   */
  async flush(): Promise<void> {
    await this.#settleAll()
    const failure = this.#transactions?.poison ?? this.#unreported
    this.#unreported = undefined
    if (failure !== undefined) throw failure
  }

  begin(): void {
    this.#requireTransactions('begin').begin()
  }

  /**
   * Makes the transaction's records and the given offsets visible together. Resolves only after an exact answer of
   * the coordinator. Rejects with an error after which abort() is due, or with ProducerFencedError.
   */
  async commit(
    options: { readonly offsets?: readonly CommittableOffset[]; readonly group?: GroupIdentity } = {},
  ): Promise<void> {
    const { offsets = [], group } = options
    await this.#requireTransactions('commit').commit(offsets, group)
  }

  /** Drops what is buffered and ends the transaction without a trace for committed readers. */
  async abort(): Promise<void> {
    await this.#requireTransactions('abort').abort()
  }

  /**
   * Offset of the newest acknowledged record that this producer wrote to the partition; -1 while there is none. A
   * record whose acknowledgement told no offset (a recognised duplicate) does not count.
   */
  lastOffset(topic: string, partition: number): number {
    return this.#router.lastOffset(topic, partition)
  }

  /**
   * Keeps batches of several records to a topic within what it takes (`max.message.bytes`), where that is less than
   * `batchBytes`. A record that is larger by itself is refused by the broker.
   */
  limitBatches(topic: string, maxBytes: number): void {
    this.#router.limitBatches(topic, maxBytes)
  }

  /** Bytes appended and not yet acknowledged. */
  get bufferedBytes(): number {
    return this.#sender.records.bufferedBytes + this.#router.waitingBytes
  }

  /** Whether the caller should wait for drained() before it appends more. */
  get isFull(): boolean {
    return this.bufferedBytes >= this.#bufferLimit
  }

  /** Resolves when bufferedBytes is at most half of the limit. */
  drained(): Promise<void> {
    return new Promise(resolve => {
      this.#drainWaiters.push(resolve)
      this.#onSettled()
    })
  }

  /** Flushes (aborts an open transaction) and releases the connections. Rejects with a failure that was not reported. */
  async close(): Promise<void> {
    if (this.#isClosed) return this.#release()
    try {
      if (this.#transactions === undefined) await this.flush()
      else if (this.#transactions.isOpen) await this.#transactions.abort()
    } catch (error) {
      // Fenced: whoever took over has ended the transaction already.
      if (!(error instanceof ProducerFencedError) && !this.#isAbandoned(error)) throw error
    } finally {
      await this.#release()
    }
  }

  /**
   * Closes at once: what is not acknowledged is given up, and an open transaction is left to the coordinator, which
   * ends it after its timeout. Calls under way reject with CLOSED, but for close(), which resolves.
   */
  abandon(): Promise<void> {
    return this.#release()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #release(): Promise<void> {
    this.#released ??= this.#releaseAll()
    return this.#released
  }

  async #releaseAll(): Promise<void> {
    this.#isClosed = true
    this.#transactions?.close()
    this.#sender.close()
    await this.#connections.close()
    await this.#dropAll(this.#transactions?.poison ?? closed())
  }

  #isAbandoned(error: unknown): boolean {
    return this.#released !== undefined && isEvertError(error, 'CLOSED')
  }

  /** Whether a record goes on to its batch; throws when none may be appended now. */
  #accepts(): boolean {
    if (this.#isClosed) throw closed()
    return this.#transactions === undefined || this.#transactions.accepts()
  }

  async #settleAll(): Promise<void> {
    await this.#router.settled()
    await this.#sender.flush()
  }

  /** Gives up what is not acknowledged, without counting it as a failure; resolves when nothing is in flight. */
  async #dropAll(reason: Error): Promise<void> {
    this.#isDropping = true
    this.#router.failWaiting(reason)
    await this.#sender.drop(reason)
    this.#isDropping = false
  }

  #openTransactions(settings: ProducerSettings): Transactions | undefined {
    const { transactionalId, transactionTimeoutMs, deliveryTimeoutMs: withinMs, topicTimeoutMs } = settings
    if (transactionalId === undefined) return undefined
    const client = new TransactionClient({
      cluster: this.#cluster,
      connections: this.#connections,
      transactionalId,
      transactionTimeoutMs,
      withinMs,
      topicTimeoutMs,
      isClosed: () => this.#isClosed,
    })
    return new Transactions(client, {
      settleAll: () => this.#settleAll(),
      dropAll: reason => this.#dropAll(reason),
      onPoisoned: error => {
        this.#router.failWaiting(error)
        void this.#sender.drop(error)
      },
      wake: () => this.#sender.wake(),
    })
  }

  #senderOwner(): SenderOwner {
    return {
      identity: () => this.#currentIdentity(),
      mayProduce: queue => this.#transactions?.mayProduce(queue) ?? true,
      produceVersion: () => this.#transactions?.produceVersion ?? produce.versions[1],
      onFailure: (error, unreported) => this.#onFailure(error, unreported),
      onSequencesLost: () => this.#identity.forget(),
      onSettled: () => this.#onSettled(),
    }
  }

  #currentIdentity(): ProducerIdentity | undefined {
    if (this.#isClosed) return undefined
    if (this.#transactions !== undefined) return this.#transactions.identity
    const { current } = this.#identity
    if (current === undefined) {
      this.#identity.ensure().catch(error => {
        this.#unreported ??= error as Error
        void this.#sender.drop(error as Error)
      })
    }
    return current
  }

  #onFailure(error: Error, unreported: boolean): void {
    if (this.#isDropping) return
    if (this.#transactions !== undefined) this.#transactions.poisonWith(error)
    else if (unreported) this.#unreported ??= error
  }

  #onSettled(): void {
    if (this.#drainWaiters.length === 0 || this.bufferedBytes > this.#bufferLimit / 2) return
    for (const resolve of this.#drainWaiters.splice(0)) resolve()
  }

  #requireTransactions(call: string): Transactions {
    if (this.#transactions === undefined) throw misuse(`${call}() needs a transactionalId`)
    return this.#transactions
  }
}

function closed(): EvertError {
  return new EvertError('CLOSED', 'The producer was closed.')
}
