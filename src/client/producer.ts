import { EvertError } from '../errors.ts'
import { assert } from '../internal/assert.ts'
import { type Compression, compress } from '../records/compression.ts'
import type { RecordHeader } from '../records/record-batch.ts'
import { errorCodes } from '../wire/error-codes.ts'
import { initProducerId } from '../wire/messages/init-producer-id.ts'
import { produce } from '../wire/messages/produce.ts'
import type { Cluster } from './cluster.ts'
import { KafkaError, ProducerFencedError } from './kafka-error.ts'
import type { NodeConnections } from './node-connections.ts'
import type { Acknowledgement, PartitionQueue, ProducerIdentity, RecordWaiter } from './partition-queue.ts'
import { backoffMs, delay, isChannelError } from './retry.ts'
import { Sender, type SenderSettings } from './sender.ts'
import { TopicQueues } from './topic-queues.ts'
import { isFencing, TransactionClient } from './transaction.ts'

export interface ProducerOptions {
  /** Makes the producer transactional: every append is inside begin() … commit()/abort(). */
  readonly transactionalId?: string
  /** The coordinator aborts a transaction that is open for longer. Default 60 000. */
  readonly transactionTimeoutMs?: number
  readonly compression?: Compression
  /** A batch is closed before it grows beyond this. Default 256 KiB. */
  readonly batchBytes?: number
  /** How long an unfull batch waits for more records; 0 sends at the end of the current turn. Default 0. */
  readonly lingerMs?: number
  /** Default 1 MiB. */
  readonly maxRequestBytes?: number
  /** Produce requests in flight per node, 1 to 5. Default 5. */
  readonly maxInFlight?: number
  /** When more than this waits for acknowledgement, `isFull` is true and drained() waits. Default 32 MiB. */
  readonly bufferBytes?: number
  /** From append to acknowledgement, over all retries. Default 120 000. */
  readonly deliveryTimeoutMs?: number
  /** How long a topic that does not exist is waited for. Default 10 000. */
  readonly topicTimeoutMs?: number
}

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

export interface CommittableOffset {
  readonly topic: string
  readonly partition: number
  /** The next offset to read. */
  readonly offset: number
  readonly metadata?: string
}

/** The group on whose behalf offsets are committed; member and epoch fence a member that lost its tasks. */
export interface GroupIdentity {
  readonly groupId: string
  readonly memberId?: string
  /** Member epoch (streams, consumer protocol) or generation (classic). */
  readonly epoch?: number
  readonly instanceId?: string
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
  readonly #sender: Sender
  readonly #transactions: TransactionClient | undefined
  readonly #bufferLimit: number
  readonly #topicTimeoutMs: number
  readonly #topics = new Map<string, TopicQueues>()
  /** Topics whose metadata is being asked for, with the promise that ends when their records went on. */
  readonly #resolving = new Map<string, Promise<void>>()
  #waitingBytes = 0
  #drainWaiters: (() => void)[] = []
  #identity: ProducerIdentity | undefined
  #initialising: Promise<void> | undefined
  /** Not transactional: the first failure that no flush has reported. */
  #unreported: Error | undefined
  #state: 'new' | 'ready' | 'open' | 'ending' | 'closed' = 'new'
  #poison: Error | undefined
  #isAborting = false
  /** Whether the coordinator may know of the open transaction. */
  #isStarted = false
  /** Older protocol: partitions that the transaction has, and those that wait to be added. */
  #added = new Set<PartitionQueue>()
  #toAdd = new Set<PartitionQueue>()
  #isAdding = false

  constructor(cluster: Cluster, options: ProducerOptions = {}) {
    const settings = settingsOf(options)
    const { maxInFlight, compression } = settings
    if (maxInFlight < 1 || maxInFlight > 5) {
      throw new EvertError('INVALID_ARGUMENT', `maxInFlight is 1 to 5, not ${maxInFlight}.`)
    }
    // Refuses a compression that is not built in here, not at the first batch.
    compress(compression, Buffer.alloc(0))
    this.#cluster = cluster
    this.#connections = cluster.openConnections()
    this.#bufferLimit = options.bufferBytes ?? 32 * 1024 * 1024
    this.#topicTimeoutMs = options.topicTimeoutMs ?? 10_000
    this.#sender = new Sender(cluster, this.#connections, settings, {
      identity: () => this.#currentIdentity(),
      mayProduce: queue => this.#mayProduce(queue),
      produceVersion: () => this.#transactions?.produceVersion ?? produce.versions[1],
      onFailure: (error, unreported) => this.#onFailure(error, unreported),
      onSequencesLost: () => {
        if (this.#transactions === undefined) this.#identity = undefined
      },
      onSettled: () => this.#onSettled(),
    })
    if (options.transactionalId !== undefined) {
      this.#transactions = new TransactionClient({
        cluster,
        connections: this.#connections,
        transactionalId: options.transactionalId,
        transactionTimeoutMs: options.transactionTimeoutMs ?? 60_000,
        withinMs: settings.deliveryTimeoutMs,
        isClosed: () => this.#state === 'closed',
      })
    }
  }

  /** Takes the producer id. Transactional: fences older instances of the id and ends what they left open. */
  async init(): Promise<void> {
    if (this.#transactions === undefined) {
      if (this.#identity === undefined) await this.#initialise()
      return
    }
    this.#requireNotEnding('init')
    await this.#dropAll('The producer was initialised again.')
    this.#identity = await this.#transactions.initialise()
    this.#resetTransaction()
    this.#state = 'ready'
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
    this.#append(topic, partition, timestamp, key, value, headers, undefined)
  }

  /** Appends one record; resolves when it is acknowledged (offset -1 when the broker only knows that it is a duplicate). */
  send(record: ProducerRecord): Promise<Acknowledgement> {
    const { topic, partition, timestamp = this.#cluster.clock.nowMs(), key, value, headers = [] } = record
    return new Promise((resolve, reject) => {
      if (this.#poison !== undefined) throw this.#poison
      this.#append(topic, partition, timestamp, key, value, headers, { resolve, reject })
    })
  }

  /**
   * Sends what is buffered; resolves when everything appended before is acknowledged. Rejects with the first failure
   * since the last call (in a transaction: with what poisons it) that no `send` has reported.
   */
  async flush(): Promise<void> {
    await this.#settleAll()
    const failure = this.#poison ?? this.#unreported
    this.#unreported = undefined
    if (failure !== undefined) throw failure
  }

  begin(): void {
    if (this.#transactions === undefined) throw misuse('begin() needs a transactionalId')
    if (this.#poison instanceof ProducerFencedError) throw this.#poison
    if (this.#state !== 'ready')
      throw misuse(`begin() follows init(), commit() or abort(); the state is "${this.#state}"`)
    this.#state = 'open'
  }

  /**
   * Makes the transaction's records and the given offsets visible together. Resolves only after an exact answer of
   * the coordinator. Rejects with an error after which abort() is due, or with ProducerFencedError.
   */
  async commit(
    options: { readonly offsets?: readonly CommittableOffset[]; readonly group?: GroupIdentity } = {},
  ): Promise<void> {
    const { offsets = [], group } = options
    const transactions = this.#requireOpen('commit')
    const identity = this.#identity as ProducerIdentity
    const committing = offsets.length > 0
    if (committing && group === undefined) throw misuse('commit() with offsets needs the group')
    if (this.#poison !== undefined) throw this.#poison
    this.#state = 'ending'
    try {
      this.#isStarted ||= committing
      const [, offsetsCommitted] = await Promise.allSettled([
        this.#settleAll(),
        committing ? transactions.commitOffsets(identity, group as GroupIdentity, offsets) : undefined,
      ])
      if (this.#poison !== undefined) throw this.#poison
      if (offsetsCommitted.status === 'rejected') throw offsetsCommitted.reason
      if (this.#isStarted) this.#identity = await transactions.end(identity, true)
      this.#resetTransaction()
      this.#state = 'ready'
    } catch (error) {
      this.#state = 'open'
      this.#poisonWith(error as Error)
      throw error
    }
  }

  /** Drops what is buffered and ends the transaction without a trace for committed readers. */
  async abort(): Promise<void> {
    const transactions = this.#requireOpen('abort')
    if (this.#poison instanceof ProducerFencedError) throw this.#poison
    const identity = this.#identity as ProducerIdentity
    this.#state = 'ending'
    try {
      await this.#dropAll('The transaction was aborted.')
      if (this.#isStarted) {
        this.#identity = await transactions.end(identity, false)
        // Sequences may have been spent on batches that never arrived: the older protocol needs another epoch for that.
        if (!transactions.isImplicit) this.#identity = await transactions.initialise(identity)
      }
      this.#resetTransaction()
      this.#state = 'ready'
    } catch (error) {
      this.#state = 'open'
      this.#poisonWith(error as Error)
      throw error
    }
  }

  /**
   * Offset of the newest acknowledged record that this producer wrote to the partition; -1 while there is none. A
   * record whose acknowledgement told no offset (a recognised duplicate) does not count.
   */
  lastOffset(topic: string, partition: number): number {
    return this.#topics.get(topic)?.lastOffset(partition) ?? -1
  }

  /** Bytes appended and not yet acknowledged. */
  get bufferedBytes(): number {
    return this.#sender.bufferedBytes + this.#waitingBytes
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
    if (this.#state === 'closed') return
    try {
      if (this.#transactions === undefined) await this.flush()
      else if (this.#state === 'open') await this.abort()
    } catch (error) {
      // Fenced: whoever took over has ended the transaction already.
      if (!(error instanceof ProducerFencedError)) throw error
    } finally {
      this.#state = 'closed'
      this.#sender.close()
      await this.#connections.close()
      await this.#dropAll('The producer was closed.')
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #append(
    topic: string,
    partition: number | undefined,
    timestamp: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: readonly RecordHeader[],
    waiter: Omit<RecordWaiter, 'index'> | undefined,
  ): void {
    if (this.#state !== 'open') this.#requireAppendable()
    // What is appended to a poisoned transaction will never be visible; commit() says why.
    if (this.#poison !== undefined) return
    let queues = this.#topics.get(topic)
    if (queues === undefined) {
      queues = new TopicQueues(topic, this.#cluster.metadata)
      this.#topics.set(topic, queues)
    }
    if (!queues.isReady) {
      this.#defer(queues, partition, timestamp, key, value, headers, waiter)
      return
    }
    const queue = partition === undefined ? queues.queueFor(key) : queues.queue(partition)
    const batch = this.#sender.append(queue, timestamp, key, value, headers)
    if (waiter !== undefined) (batch.waiters ??= []).push({ index: batch.count - 1, ...waiter })
  }

  #requireAppendable(): void {
    if (this.#state === 'closed') throw new EvertError('CLOSED', 'The producer was closed.')
    if (this.#transactions !== undefined) {
      throw misuse(`records are appended between begin() and commit(); the state is "${this.#state}"`)
    }
  }

  /** Keeps a copy until the topic's partitions are known. */
  #defer(
    queues: TopicQueues,
    partition: number | undefined,
    timestamp: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: readonly RecordHeader[],
    waiter: Omit<RecordWaiter, 'index'> | undefined,
  ): void {
    const copy = (bytes: Buffer | null): Buffer | null => bytes && Buffer.from(bytes)
    const sizeBytes = (key?.length ?? 0) + (value?.length ?? 0)
    queues.waiting.push({
      partition,
      timestamp,
      key: copy(key),
      value: copy(value),
      headers: headers.map(header => ({ key: header.key, value: copy(header.value) })),
      sizeBytes,
      waiter,
    })
    this.#waitingBytes += sizeBytes
    if (this.#resolving.has(queues.topic)) return
    const resolving = this.#resolve(queues).finally(() => this.#resolving.delete(queues.topic))
    this.#resolving.set(queues.topic, resolving)
  }

  /** Waits for the topic's metadata, then sends the deferred records on; never rejects. */
  async #resolve(queues: TopicQueues): Promise<void> {
    const { clock, metadata, backoff } = this.#cluster
    const deadlineMs = clock.nowMs() + this.#topicTimeoutMs
    for (let attempt = 0; ; attempt++) {
      try {
        await metadata.require(queues.topic)
        break
      } catch (error) {
        const isMissing =
          error instanceof KafkaError && error.errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION
        const waitMs = backoffMs(backoff, attempt)
        if ((!isMissing && !isChannelError(error)) || clock.nowMs() + waitMs > deadlineMs) {
          this.#failWaiting(queues, error as Error)
          return
        }
        await delay(clock, waitMs)
      }
    }
    const records = this.#takeWaiting(queues)
    for (const { partition, timestamp, key, value, headers, waiter } of records) {
      const queue = partition === undefined ? queues.queueFor(key) : queues.queue(partition)
      const batch = this.#sender.append(queue, timestamp, key, value, headers)
      if (waiter !== undefined) (batch.waiters ??= []).push({ index: batch.count - 1, ...waiter })
    }
  }

  #takeWaiting(queues: TopicQueues) {
    const records = queues.waiting
    queues.waiting = []
    for (const record of records) this.#waitingBytes -= record.sizeBytes
    return records
  }

  #failWaiting(queues: TopicQueues, error: Error): void {
    const records = this.#takeWaiting(queues)
    for (const { waiter } of records) waiter?.reject(error)
    if (records.length > 0) {
      this.#onFailure(
        error,
        records.some(({ waiter }) => waiter === undefined),
      )
    }
    this.#onSettled()
  }

  async #settleAll(): Promise<void> {
    while (this.#resolving.size > 0) await Promise.all(this.#resolving.values())
    await this.#sender.flush()
  }

  async #dropAll(why: string): Promise<void> {
    this.#isAborting = true
    const reason = this.#poison ?? new EvertError('CLOSED', why)
    for (const queues of this.#topics.values()) this.#failWaiting(queues, reason)
    await this.#sender.drop(reason)
    this.#isAborting = false
  }

  #currentIdentity(): ProducerIdentity | undefined {
    if (this.#poison !== undefined || this.#state === 'closed') return undefined
    if (this.#identity === undefined && this.#transactions === undefined) {
      this.#initialise().catch(error => this.#failAll(error as Error))
    }
    return this.#identity
  }

  /** A plain idempotent producer id, from any node. */
  #initialise(): Promise<void> {
    this.#initialising ??= this.#askIdentity().finally(() => {
      this.#initialising = undefined
    })
    return this.#initialising
  }

  async #askIdentity(): Promise<void> {
    const { clock, backoff } = this.#cluster
    for (let attempt = 0; ; attempt++) {
      try {
        const connection = await this.#connections.any()
        const answer = await connection.send(initProducerId, {
          transactionalId: null,
          transactionTimeoutMs: 0,
        })
        if (answer.errorCode !== 0) throw new KafkaError(answer.errorCode, 'No producer id was given')
        this.#identity = { producerId: answer.producerId, epoch: answer.producerEpoch }
        this.#sender.wake()
        return
      } catch (error) {
        if (!(error instanceof EvertError) || !error.retryable || this.#state === 'closed') throw error
        await delay(clock, backoffMs(backoff, attempt))
        // Batches that waited for too long are given up meanwhile.
        this.#sender.wake()
      }
    }
  }

  #failAll(error: Error): void {
    this.#unreported ??= error
    void this.#sender.drop(error)
  }

  #mayProduce(queue: PartitionQueue): boolean {
    const transactions = this.#transactions
    if (transactions === undefined) return true
    if (!transactions.isImplicit && !this.#added.has(queue)) {
      this.#toAdd.add(queue)
      if (!this.#isAdding) void this.#addPartitions(transactions)
      return false
    }
    this.#isStarted = true
    return true
  }

  /** Older protocol: adds the wanted partitions in one request after the other; never rejects. */
  async #addPartitions(transactions: TransactionClient): Promise<void> {
    this.#isAdding = true
    // All partitions of this pass go into the same request.
    await Promise.resolve()
    while (this.#toAdd.size > 0 && this.#poison === undefined) {
      const adding = this.#toAdd
      this.#toAdd = new Set()
      this.#isStarted = true
      try {
        await transactions.addPartitions(this.#identity as ProducerIdentity, [...adding])
        for (const queue of adding) this.#added.add(queue)
      } catch (error) {
        this.#poisonWith(error as Error)
      }
    }
    this.#isAdding = false
    this.#sender.wake()
  }

  #onFailure(error: Error, unreported: boolean): void {
    if (this.#transactions === undefined) {
      if (unreported && !this.#isAborting) this.#unreported ??= error
    } else if (!this.#isAborting) {
      this.#poisonWith(error)
    }
  }

  #poisonWith(error: Error): void {
    const isFenced = error instanceof KafkaError && isFencing(error.errorCode)
    if (this.#poison !== undefined && !isFenced) return
    this.#poison =
      isFenced && !(error instanceof ProducerFencedError)
        ? new ProducerFencedError(error.errorCode, 'The transactional producer lost its id', { cause: error })
        : error
    for (const queues of this.#topics.values()) this.#failWaiting(queues, this.#poison)
    void this.#sender.drop(this.#poison)
  }

  #resetTransaction(): void {
    this.#poison = undefined
    this.#isStarted = false
    this.#added.clear()
    this.#toAdd.clear()
  }

  #onSettled(): void {
    if (this.#drainWaiters.length === 0 || this.bufferedBytes > this.#bufferLimit / 2) return
    for (const resolve of this.#drainWaiters.splice(0)) resolve()
  }

  #requireOpen(call: string): TransactionClient {
    if (this.#transactions === undefined) throw misuse(`${call}() needs a transactionalId`)
    if (this.#state !== 'open')
      throw misuse(`${call}() needs an open transaction; the state is "${this.#state}"`)
    return this.#transactions
  }

  #requireNotEnding(call: string): void {
    assert(this.#state !== 'ending', `${call}() while commit() or abort() is under way`)
    if (this.#state === 'closed') throw new EvertError('CLOSED', 'The producer was closed.')
  }
}

function settingsOf(options: ProducerOptions): SenderSettings {
  return {
    transactionalId: options.transactionalId,
    compression: options.compression ?? 'none',
    batchBytes: options.batchBytes ?? 256 * 1024,
    lingerMs: options.lingerMs ?? 0,
    maxRequestBytes: options.maxRequestBytes ?? 1024 * 1024,
    maxInFlight: options.maxInFlight ?? 5,
    deliveryTimeoutMs: options.deliveryTimeoutMs ?? 120_000,
  }
}

function misuse(what: string): EvertError {
  return new EvertError('INVALID_ARGUMENT', `Producer: ${what}.`)
}
