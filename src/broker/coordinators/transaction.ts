/*
 * Transactions (KIP-98 and KIP-890, after Kafka's TransactionCoordinator).
 *
 * Algorithm. A transaction opens when a partition or a group joins it. Its end is one journal entry that names the
 * outcome, the partitions and, for a commit, the staged group offsets: that entry being durable IS the outcome. Then
 * every partition gets its marker, the offsets become visible, and the request is answered. Clients of KIP-890
 * (EndTxn v5) get a new epoch with every end, so a late request of an ended transaction cannot reach the next one.
 *
 * State. Per transactional id: producer id, epochs, the latest outcome (durable); the open transaction's partitions
 * and staged offsets (memory only). An open transaction that a restart finds is aborted and its producer fenced. One of
 * which it finds nothing may have been open too and lost its staged offsets: the producer is told to abort it.
 *
 * Why it is correct. Admission (`admitProduce`, `admitOffsets`) and the append that follows are one synchronous step,
 * as is the change of epoch that begins an end; so every record of a transaction lies before its marker and none of
 * the old epoch after it. After a crash an outcome is found whole or not at all; markers are written again only where
 * records up to the outcome's epoch are still open, so repeating them changes nothing.
 */
import { assert } from '../../internal/assert.ts'
import type { Clock } from '../../internal/clock.ts'
import { errorCodes } from '../../wire/error-codes.ts'
import type { LogStorage } from '../storage/log-storage.ts'
import type { GroupOffsets, JournalEntry } from './group-offsets.ts'
import type { ProducerIds } from './producer-ids.ts'
import { openPartitions, writeMarkers } from './transaction-markers.ts'
import { bumpedIdentity, identityWith, judgeEnd, needsNewProducerId } from './transaction-rules.ts'
import { fromJson, join, LAST_EPOCH, MAX_EPOCH, type Transaction, toJson } from './transaction-state.ts'
import { type ProducerIdentity, settled, TransactionTable } from './transaction-table.ts'

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
  readonly #table: TransactionTable

  constructor(options: TransactionOptions) {
    this.#storage = options.storage
    this.#producerIds = options.producerIds
    this.#table = new TransactionTable(options.producerIds)
    this.#offsets = options.offsets
    this.#clock = options.clock
    this.#maxTimeoutMs = options.maxTimeoutMs
  }

  /** Carries out what was decided before the restart and aborts what was open. Before any request is served. */
  async recover(): Promise<void> {
    for (const [key, value] of this.#storage.journal.entries(PREFIX)) {
      const transaction = fromJson(key.slice(PREFIX.length), value)
      this.#table.add(transaction)
      const { decision, state } = transaction
      if (state === 'commit' || state === 'abort')
        await writeMarkers(this.#storage, transaction, this.#clock.nowMs())
      const open = openPartitions(this.#storage, [transaction.producerId, decision.producerId])
      if (open.length === 0 && state !== 'ongoing') {
        transaction.mayHaveLost = true
        continue
      }
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
    const transaction = await this.#table.findOrCreate(transactionalId, timeoutMs)
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
    const next = await this.#nextIdentity(transaction, isNew ? undefined : producerEpoch)
    if (next === undefined) return failed(errorCodes.PRODUCER_FENCED)
    // Another request may have come in while a new producer id was drawn.
    if (transaction.settling !== undefined) return this.initProducerId(request)
    Object.assign(transaction, next, {
      state: 'empty',
      timeoutMs,
      partitions: new Map(),
      mayHaveLost: false,
    })
    await this.#settle(transaction, () => this.#storage.journal.put([entryOf(transaction)]))
    return answer(transaction)
  }

  /** AddPartitionsToTxn of clients before KIP-890. Durable, because such a client keeps its epoch across a restart. */
  async addPartitions(
    producer: ProducerIdentity,
    partitions: readonly { readonly topic: string; readonly partition: number }[],
  ): Promise<number> {
    const found = await this.#table.findSettled(producer)
    if (typeof found === 'number') return found
    const opens = found.state !== 'ongoing'
    if (opens) this.#open(found)
    for (const { topic, partition } of partitions) join(found, topic, partition)
    if (opens) await this.#settle(found, () => this.#storage.journal.put([entryOf(found)]))
    return 0
  }

  /** Whether the partition is part of the open transaction, for AddPartitionsToTxn's verification. */
  verify(producer: ProducerIdentity, topic: string, partition: number): number {
    const found = this.#table.find(producer)
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
    const found = this.#table.find({ ...request, transactionalId })
    if (typeof found === 'number') {
      return found === errorCodes.PRODUCER_FENCED ? errorCodes.INVALID_PRODUCER_EPOCH : found
    }
    if (version >= 12) {
      if (found.mayHaveLost) return errorCodes.TRANSACTION_ABORTABLE
      if (found.state !== 'ongoing') this.#open(found)
      join(found, topic, partition)
      return 0
    }
    if (found.state === 'ongoing' && found.partitions.get(topic)?.has(partition)) return 0
    return version === 11 ? errorCodes.TRANSACTION_ABORTABLE : errorCodes.INVALID_TXN_STATE
  }

  /** Before offsets are staged, in the same synchronous step. */
  admitOffsets(producer: ProducerIdentity, version: number): number {
    const found = this.#table.find(producer)
    if (typeof found === 'number') {
      return found === errorCodes.PRODUCER_FENCED ? errorCodes.INVALID_PRODUCER_EPOCH : found
    }
    if (found.state === 'ongoing') return 0
    if (version < 5) return errorCodes.INVALID_TXN_STATE
    if (found.mayHaveLost) return errorCodes.TRANSACTION_ABORTABLE
    this.#open(found)
    return 0
  }

  /** `bumps`: the client takes a new epoch from the answer (EndTxn v5). */
  async endTxn(
    producer: ProducerIdentity,
    end: { readonly commit: boolean; readonly bumps: boolean },
  ): Promise<ProducerAnswer> {
    const { transactionalId } = producer
    if (transactionalId === '') return failed(errorCodes.INVALID_REQUEST)
    const transaction = this.#table.get(transactionalId)
    if (transaction === undefined) return failed(errorCodes.INVALID_PRODUCER_ID_MAPPING)
    await settled(transaction)
    const verdict = judgeEnd(transaction, producer, end)
    if (verdict === 'decide') return this.#decide(transaction, end.commit ? 'commit' : 'abort', end.bumps)
    if (verdict !== 'repeated') return failed(verdict)
    // Whoever asks for the outcome of its last transaction has not begun the next.
    transaction.mayHaveLost = false
    return answer(transaction)
  }

  /** Takes back timers. Open transactions stay open in the log; the next start aborts them. */
  close(): void {
    for (const transaction of this.#table.all()) transaction.cancelTimeout()
  }

  /** The identity after one more InitProducerId; undefined when the producer is fenced. */
  async #nextIdentity(transaction: Transaction, expected: number | undefined) {
    if (!needsNewProducerId(transaction, expected)) return bumpedIdentity(transaction, expected)
    const { producerId, producerEpoch } = transaction
    return identityWith(await this.#producerIds.next(), { producerId, producerEpoch }, expected)
  }

  #open(transaction: Transaction): void {
    transaction.state = 'ongoing'
    // Of an older client: it is durable from its first partition or group on.
    transaction.mayHaveLost = false
    transaction.partitions = new Map()
    const { producerId, producerEpoch } = transaction
    transaction.cancelTimeout = this.#clock.schedule(transaction.timeoutMs, () => {
      this.#abortLate(transaction, producerId, producerEpoch).catch((error: Error) => {
        // The requests that follow hear of it too, for they wait for `settling`; but none may come.
        process.emitWarning(
          `The transaction of "${transaction.transactionalId}" was not aborted after its timeout: ${error.message}`,
        )
      })
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
    transaction.mayHaveLost = false
    return this.#settle(transaction, async () => {
      const offsets = outcome === 'commit' ? this.#offsets.stagedEntries(decision.producerId) : []
      await this.#storage.journal.put([entryOf(transaction), ...offsets])
      await writeMarkers(this.#storage, transaction, this.#clock.nowMs())
      if (outcome === 'commit') this.#offsets.publish(decision.producerId)
      else this.#offsets.discard(decision.producerId)
      transaction.partitions = new Map()
    })
  }

  /** Runs one durable change; meanwhile requests wait or are told CONCURRENT_TRANSACTIONS. */
  #settle(transaction: Transaction, change: () => Promise<void>): Promise<void> {
    assert(transaction.settling === undefined, `two changes of ${transaction.transactionalId} at once`)
    // After a failure `settling` stays.
    const settling = change().then(
      () => {
        transaction.settling = undefined
      },
      (error: Error) => {
        transaction.failure = error
        throw error
      },
    )
    transaction.settling = settling
    return settling
  }
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
