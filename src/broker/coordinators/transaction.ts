/*
 * Transactions (KIP-98 and KIP-890, after Kafka's TransactionCoordinator).
 *
 * Algorithm. A transaction opens when a partition or a group joins it. Its end is one journal entry that names the
 * outcome, the partitions and, for a commit, the staged group offsets: that entry being durable IS the outcome. Then
 * every partition gets its marker, the offsets become visible, and the request is answered. Clients of KIP-890
 * (EndTxn v5) get a new epoch with every end, so a late request of an ended transaction cannot reach the next one.
 *
 * State. Per transactional id: producer id, epochs, the latest outcome (durable); the open transaction's partitions
 * and staged offsets (memory only). An open transaction that a restart finds is aborted and its producer fenced.
 *
 * Why it is correct. Admission (`admitProduce`, `admitOffsets`) and the append that follows are one synchronous step,
 * as is the change of epoch that begins an end; so every record of a transaction lies before its marker and none of
 * the old epoch after it. After a crash an outcome is found whole or not at all; markers are written again only where
 * records up to the outcome's epoch are still open, so repeating them changes nothing.
 */
import { assert } from '../../internal/assert.ts'
import type { Clock } from '../../internal/clock.ts'
import { errorCodes } from '../../wire/error-codes.ts'
import type { LogStorage, PartitionLog } from '../storage/log-storage.ts'
import type { GroupOffsets, JournalEntry } from './group-offsets.ts'
import type { ProducerIds } from './producer-ids.ts'
import {
  fromJson,
  LAST_EPOCH,
  MAX_EPOCH,
  newTransaction,
  type Transaction,
  toJson,
} from './transaction-state.ts'

export interface ProducerIdentity {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
}

export interface ProducerAnswer {
  readonly code: number
  readonly producerId: number
  readonly producerEpoch: number
}

interface TransactionOptions {
  readonly storage: LogStorage
  readonly producerIds: ProducerIds
  readonly offsets: GroupOffsets
  readonly clock: Clock
  readonly maxTimeoutMs: number
}

const PREFIX = 'txn/'

export class TransactionCoordinator {
  readonly #storage: LogStorage
  readonly #producerIds: ProducerIds
  readonly #offsets: GroupOffsets
  readonly #clock: Clock
  readonly #maxTimeoutMs: number
  readonly #transactions = new Map<string, Transaction>()

  constructor(options: TransactionOptions) {
    this.#storage = options.storage
    this.#producerIds = options.producerIds
    this.#offsets = options.offsets
    this.#clock = options.clock
    this.#maxTimeoutMs = options.maxTimeoutMs
  }

  /** Carries out what was decided before the restart and aborts what was open. Before any request is served. */
  async recover(): Promise<void> {
    for (const [key, value] of this.#storage.journal.entries(PREFIX)) {
      const transaction = fromJson(key.slice(PREFIX.length), value)
      this.#transactions.set(transaction.transactionalId, transaction)
      const { decision, state } = transaction
      if (state === 'commit' || state === 'abort') await this.#writeMarkers(transaction)
      const open = this.#openPartitions([transaction.producerId, decision.producerId])
      if (open.length === 0 && state !== 'ongoing') continue
      transaction.partitions = new Map()
      for (const { topicName, partition } of open) join(transaction, topicName, partition)
      transaction.state = 'ongoing'
      await this.#abortAndFence(transaction)
    }
  }

  async initProducerId(request: ProducerIdentity & { readonly timeoutMs: number }): Promise<ProducerAnswer> {
    const { transactionalId, timeoutMs, producerId, producerEpoch } = request
    const isNew = producerId === -1 && producerEpoch === -1
    if (transactionalId === '' || (!isNew && (producerId === -1 || producerEpoch === -1))) {
      return failed(errorCodes.INVALID_REQUEST)
    }
    if (timeoutMs <= 0 || timeoutMs > this.#maxTimeoutMs)
      return failed(errorCodes.INVALID_TRANSACTION_TIMEOUT)
    const transaction = await this.#findOrCreate(transactionalId, timeoutMs)
    await settled(transaction)
    const isKnown =
      isNew ||
      transaction.producerEpoch === -1 ||
      producerId === transaction.producerId ||
      (producerId === transaction.previousProducerId && producerEpoch >= LAST_EPOCH)
    if (!isKnown) return failed(errorCodes.PRODUCER_FENCED)
    if (transaction.state === 'ongoing') {
      await this.#abortAndFence(transaction)
      return this.initProducerId(request)
    }
    const next = await this.#nextEpoch(transaction, isNew ? undefined : producerEpoch)
    if (next === undefined) return failed(errorCodes.PRODUCER_FENCED)
    // Another request may have come in while a new producer id was drawn.
    if (transaction.settling !== undefined) return this.initProducerId(request)
    Object.assign(transaction, next, { state: 'empty', timeoutMs, partitions: new Map() })
    await this.#settle(transaction, () => this.#storage.journal.put([entryOf(transaction)]))
    return answer(transaction)
  }

  /** AddPartitionsToTxn of clients before KIP-890. Durable, because such a client keeps its epoch across a restart. */
  async addPartitions(
    producer: ProducerIdentity,
    partitions: readonly { readonly topic: string; readonly partition: number }[],
  ): Promise<number> {
    const found = await this.#findSettled(producer)
    if (typeof found === 'number') return found
    const opens = found.state !== 'ongoing'
    if (opens) this.#open(found)
    for (const { topic, partition } of partitions) join(found, topic, partition)
    if (opens) await this.#settle(found, () => this.#storage.journal.put([entryOf(found)]))
    return 0
  }

  /** Whether the partition is part of the open transaction, for AddPartitionsToTxn's verification. */
  verify(producer: ProducerIdentity, topic: string, partition: number): number {
    const found = this.#find(producer)
    if (typeof found === 'number') return found
    return found.state === 'ongoing' && found.partitions.get(topic)?.has(partition) === true
      ? 0
      : errorCodes.TRANSACTION_ABORTABLE
  }

  /** AddOffsetsToTxn: opens the transaction; the group itself needs no marker here. */
  addOffsets(producer: ProducerIdentity): Promise<number> {
    return this.addPartitions(producer, [])
  }

  /** Before a transactional batch is appended, in the same synchronous step. */
  admitProduce(request: {
    readonly transactionalId: string | null
    readonly producerId: number
    readonly producerEpoch: number
    readonly topic: string
    readonly partition: number
    readonly version: number
  }): number {
    const { transactionalId, topic, partition, version } = request
    if (transactionalId === null) return errorCodes.INVALID_TXN_STATE
    const found = this.#find({ ...request, transactionalId })
    if (typeof found === 'number') {
      return found === errorCodes.PRODUCER_FENCED ? errorCodes.INVALID_PRODUCER_EPOCH : found
    }
    if (version >= 12) {
      if (found.state !== 'ongoing') this.#open(found)
      join(found, topic, partition)
      return 0
    }
    if (found.state === 'ongoing' && found.partitions.get(topic)?.has(partition)) return 0
    return version === 11 ? errorCodes.TRANSACTION_ABORTABLE : errorCodes.INVALID_TXN_STATE
  }

  /** Before offsets are staged, in the same synchronous step. */
  admitOffsets(producer: ProducerIdentity, version: number): number {
    const found = this.#find(producer)
    if (typeof found === 'number') {
      return found === errorCodes.PRODUCER_FENCED ? errorCodes.INVALID_PRODUCER_EPOCH : found
    }
    if (found.state === 'ongoing') return 0
    if (version < 5) return errorCodes.INVALID_TXN_STATE
    this.#open(found)
    return 0
  }

  /** `bumps`: the client takes a new epoch from the answer (EndTxn v5). */
  async endTxn(
    producer: ProducerIdentity,
    end: { readonly commit: boolean; readonly bumps: boolean },
  ): Promise<ProducerAnswer> {
    const { transactionalId, producerId, producerEpoch } = producer
    if (transactionalId === '') return failed(errorCodes.INVALID_REQUEST)
    const transaction = this.#transactions.get(transactionalId)
    if (transaction === undefined) return failed(errorCodes.INVALID_PRODUCER_ID_MAPPING)
    await settled(transaction)
    const isOverflowRetry =
      transaction.bumpsEpoch &&
      producerId === transaction.previousProducerId &&
      producerEpoch === LAST_EPOCH &&
      transaction.producerEpoch === 0
    if (producerId !== transaction.producerId && !isOverflowRetry) {
      return failed(errorCodes.INVALID_PRODUCER_ID_MAPPING)
    }
    const { state } = transaction
    const isEnded = state === 'commit' || state === 'abort'
    const isBumpRetry =
      transaction.bumpsEpoch &&
      producerEpoch === transaction.lastEpoch &&
      producerEpoch + 1 === transaction.producerEpoch
    const isRetry = isEnded && (isOverflowRetry || isBumpRetry)
    if (!isRetry && producerEpoch !== transaction.producerEpoch) return failed(errorCodes.PRODUCER_FENCED)

    const outcome = end.commit ? 'commit' : 'abort'
    if (state === 'ongoing') {
      return this.#decide(transaction, outcome, end.bumps)
    }
    // The same end again is answered the same; to a client that keeps its epoch every repetition looks like that.
    if (state === outcome && (isRetry || !end.bumps)) return answer(transaction)
    if (end.bumps && !end.commit && !isRetry) {
      return this.#decide(transaction, 'abort', true)
    }
    return failed(errorCodes.INVALID_TXN_STATE)
  }

  /** Takes back timers. Open transactions stay open in the log; the next start aborts them. */
  close(): void {
    for (const transaction of this.#transactions.values()) transaction.cancelTimeout()
  }

  async #findOrCreate(transactionalId: string, timeoutMs: number): Promise<Transaction> {
    const known = this.#transactions.get(transactionalId)
    if (known !== undefined) return known
    const producerId = await this.#producerIds.next()
    const raced = this.#transactions.get(transactionalId)
    if (raced !== undefined) return raced
    const created = newTransaction(transactionalId, producerId, timeoutMs)
    this.#transactions.set(transactionalId, created)
    return created
  }

  /** The identity after one more InitProducerId; undefined when the producer is fenced. */
  async #nextEpoch(transaction: Transaction, expected: number | undefined) {
    const { producerId, producerEpoch, lastEpoch, previousProducerId } = transaction
    if (producerEpoch >= LAST_EPOCH && (expected === undefined || expected === producerEpoch)) {
      return {
        producerId: await this.#producerIds.next(),
        previousProducerId: producerId,
        producerEpoch: 0,
        lastEpoch: expected === undefined ? -1 : producerEpoch,
        bumpsEpoch: false,
      }
    }
    const bumped = { producerId, previousProducerId, producerEpoch: producerEpoch + 1, bumpsEpoch: false }
    if (producerEpoch === -1 || expected === undefined) return { ...bumped, lastEpoch: -1 }
    if (expected === producerEpoch) return { ...bumped, lastEpoch: producerEpoch }
    // The request was done before and its answer lost.
    if (expected === lastEpoch) return { ...bumped, producerEpoch, lastEpoch }
    return undefined
  }

  #find({ transactionalId, producerId, producerEpoch }: ProducerIdentity): Transaction | number {
    if (transactionalId === '') return errorCodes.INVALID_REQUEST
    const transaction = this.#transactions.get(transactionalId)
    if (transaction === undefined || transaction.producerId !== producerId) {
      return errorCodes.INVALID_PRODUCER_ID_MAPPING
    }
    if (transaction.producerEpoch !== producerEpoch) return errorCodes.PRODUCER_FENCED
    if (transaction.settling !== undefined) return errorCodes.CONCURRENT_TRANSACTIONS
    return transaction
  }

  async #findSettled(producer: ProducerIdentity): Promise<Transaction | number> {
    const transaction = this.#transactions.get(producer.transactionalId)
    if (transaction !== undefined) await settled(transaction)
    return this.#find(producer)
  }

  #open(transaction: Transaction): void {
    transaction.state = 'ongoing'
    transaction.partitions = new Map()
    const { producerId, producerEpoch } = transaction
    transaction.cancelTimeout = this.#clock.schedule(transaction.timeoutMs, () => {
      // A failed disk is told to the requests that follow, which wait for `settling`.
      this.#abortLate(transaction, producerId, producerEpoch).catch(() => {})
    })
  }

  async #abortLate(transaction: Transaction, producerId: number, producerEpoch: number): Promise<void> {
    await settled(transaction)
    const isSame = transaction.producerId === producerId && transaction.producerEpoch === producerEpoch
    if (transaction.state === 'ongoing' && isSame) await this.#abortAndFence(transaction)
  }

  /** The end that the coordinator makes by itself: no later request of the producer passes for a repetition. */
  #abortAndFence(transaction: Transaction): Promise<void> {
    const recordEpoch = transaction.producerEpoch
    transaction.producerEpoch = Math.min(recordEpoch + 2, MAX_EPOCH)
    transaction.lastEpoch = -1
    transaction.bumpsEpoch = true
    const { producerId, producerEpoch } = transaction
    return this.#end(transaction, 'abort', { producerId, recordEpoch, markerEpoch: producerEpoch })
  }

  async #decide(
    transaction: Transaction,
    outcome: 'commit' | 'abort',
    bumps: boolean,
  ): Promise<ProducerAnswer> {
    const { producerId, producerEpoch } = transaction
    const isExhausted = bumps && producerEpoch >= LAST_EPOCH
    if (isExhausted) {
      const next = await this.#producerIds.next()
      // While the id was drawn the timeout may have fenced the producer.
      if (transaction.producerEpoch !== producerEpoch) return failed(errorCodes.PRODUCER_FENCED)
      Object.assign(transaction, { producerId: next, previousProducerId: producerId, producerEpoch: 0 })
    } else if (bumps) {
      transaction.producerEpoch++
    }
    transaction.lastEpoch = bumps ? producerEpoch : transaction.lastEpoch
    transaction.bumpsEpoch = bumps
    await this.#end(transaction, outcome, {
      producerId,
      recordEpoch: producerEpoch,
      markerEpoch: bumps ? producerEpoch + 1 : producerEpoch,
    })
    return answer(transaction)
  }

  #end(
    transaction: Transaction,
    outcome: 'commit' | 'abort',
    decision: Transaction['decision'],
  ): Promise<void> {
    transaction.cancelTimeout()
    transaction.state = outcome
    transaction.decision = decision
    return this.#settle(transaction, async () => {
      const offsets = outcome === 'commit' ? this.#offsets.stagedEntries(decision.producerId) : []
      await this.#storage.journal.put([entryOf(transaction), ...offsets])
      await this.#writeMarkers(transaction)
      if (outcome === 'commit') this.#offsets.publish(decision.producerId)
      else this.#offsets.discard(decision.producerId)
      transaction.partitions = new Map()
    })
  }

  async #writeMarkers({ state, partitions, decision }: Transaction): Promise<void> {
    assert(state === 'commit' || state === 'abort', `markers are for ended transactions, not ${state}`)
    const { producerId, markerEpoch, recordEpoch } = decision
    const timestampMs = this.#clock.nowMs()
    const appends = []
    for (const [topicName, indexes] of partitions) {
      // A topic may have been deleted meanwhile.
      const topic = this.#storage.topic(topicName)
      for (const index of indexes) {
        const log = topic?.partitions[index]
        const open = log?.openTransaction(producerId)
        if (log === undefined || open === undefined || open.epoch > recordEpoch) continue
        appends.push(log.appendMarker({ producerId, producerEpoch: markerEpoch, type: state, timestampMs }))
      }
    }
    for (const { code, message } of await Promise.all(appends)) {
      assert(code === 0, `a marker was refused with error ${code} ${message ?? ''}`)
    }
  }

  #openPartitions(producerIds: readonly number[]): PartitionLog[] {
    return this.#storage
      .topics()
      .flatMap(topic => topic.partitions)
      .filter(log => producerIds.some(id => log.openTransaction(id) !== undefined))
  }

  /** Runs one durable change; meanwhile requests wait or are told CONCURRENT_TRANSACTIONS. */
  #settle(transaction: Transaction, change: () => Promise<void>): Promise<void> {
    assert(transaction.settling === undefined, `two changes of ${transaction.transactionalId} at once`)
    // After a failure `settling` stays: what is durable is unknown until the next start has read it.
    const settling = change().then(() => {
      transaction.settling = undefined
    })
    transaction.settling = settling
    return settling
  }
}

async function settled(transaction: Transaction): Promise<void> {
  while (transaction.settling !== undefined) await transaction.settling
}

function join(transaction: Transaction, topic: string, partition: number): void {
  const partitions = transaction.partitions.get(topic)
  if (partitions === undefined) transaction.partitions.set(topic, new Set([partition]))
  else partitions.add(partition)
}

function entryOf(transaction: Transaction): JournalEntry {
  return [PREFIX + transaction.transactionalId, toJson(transaction)]
}

function answer({ producerId, producerEpoch }: Transaction): ProducerAnswer {
  return { code: 0, producerId, producerEpoch }
}

function failed(code: number): ProducerAnswer {
  return { code, producerId: -1, producerEpoch: -1 }
}
