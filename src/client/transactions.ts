import { EvertError } from '../errors.ts'
import { assert } from '../internal/assert.ts'
import type { CommittableOffset, GroupIdentity } from './committable-offset.ts'
import { KafkaError, ProducerFencedError } from './kafka-error.ts'
import { misuse } from './misuse.ts'
import type { PartitionQueue, ProducerIdentity } from './partition-queue.ts'
import { isFencing, type TransactionClient } from './transaction-client.ts'
import { TransactionPartitions } from './transaction-partitions.ts'

/** What transactions ask of the producer that appends in them. */
export interface TransactionsOwner {
  /** Resolves when everything appended is settled, well or not. */
  settleAll(): Promise<void>
  /** Gives up what is not acknowledged, and reports none of it; resolves when nothing is in flight. */
  dropAll(reason: Error): Promise<void>
  /** The open transaction failed: what waits to be sent is given up. */
  onPoisoned(error: Error): void
  wake(): void
}

/**
 * The transactions of one producer, one after the other.
 *
 * State: the identity of the open (or next) transaction; whether the coordinator may know of it; its poison, which is
 * the first failure in it, or that it was fenced.
 *
 * Invariant: a poisoned transaction sends nothing more and is never committed; only abort() leads on. After a fencing
 * only init() does.
 */
export class Transactions {
  readonly #client: TransactionClient
  readonly #owner: TransactionsOwner
  readonly #partitions: TransactionPartitions
  #identity: ProducerIdentity | undefined
  #state: 'new' | 'ready' | 'open' | 'ending' | 'closed' = 'new'
  #poison: Error | undefined
  #isStarted = false

  constructor(client: TransactionClient, owner: TransactionsOwner) {
    this.#client = client
    this.#owner = owner
    this.#partitions = new TransactionPartitions({
      add: partitions => {
        this.#isStarted = true
        return client.addPartitions(this.#identity as ProducerIdentity, partitions)
      },
      isPoisoned: () => this.#poison !== undefined,
      onFailure: error => this.poisonWith(error),
      wake: () => owner.wake(),
    })
  }

  /** Under which batches are sent; undefined while nothing may be sent. */
  get identity(): ProducerIdentity | undefined {
    return this.#poison === undefined ? this.#identity : undefined
  }

  get poison(): Error | undefined {
    return this.#poison
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get produceVersion(): number {
    return this.#client.produceVersion
  }

  /** False: the record is dropped, because what is appended to a poisoned transaction never becomes visible. */
  accepts(): boolean {
    if (this.#state !== 'open') {
      throw misuse(`records are appended between begin() and commit(); the state is "${this.#state}"`)
    }
    return this.#poison === undefined
  }

  /** Whether the partition is in the open transaction; if not, it will be, followed by a wake(). */
  mayProduce(queue: PartitionQueue): boolean {
    if (!this.#client.isImplicit && !this.#partitions.has(queue)) return false
    this.#isStarted = true
    return true
  }

  async init(): Promise<void> {
    assert(this.#state !== 'ending', 'init() while commit() or abort() is under way')
    if (this.#state === 'closed') throw new EvertError('CLOSED', 'The producer was closed.')
    await this.#dropAll('The producer was initialised again.')
    this.#identity = await this.#client.initialise()
    this.#becomeReady()
  }

  begin(): void {
    if (this.#poison instanceof ProducerFencedError) throw this.#poison
    if (this.#state !== 'ready')
      throw misuse(`begin() follows init(), commit() or abort(); the state is "${this.#state}"`)
    this.#state = 'open'
  }

  async commit(offsets: readonly CommittableOffset[], group: GroupIdentity | undefined): Promise<void> {
    const identity = this.#requireOpen('commit')
    const committing = offsets.length > 0
    if (committing && group === undefined) throw misuse('commit() with offsets needs the group')
    if (this.#poison !== undefined) throw this.#poison
    await this.#end(async () => {
      this.#isStarted ||= committing
      const [, offsetsCommitted] = await Promise.allSettled([
        this.#owner.settleAll(),
        committing ? this.#client.commitOffsets(identity, group as GroupIdentity, offsets) : undefined,
      ])
      if (this.#poison !== undefined) throw this.#poison
      if (offsetsCommitted.status === 'rejected') throw offsetsCommitted.reason
      if (this.#isStarted) this.#identity = await this.#client.end(identity, true)
    })
  }

  async abort(): Promise<void> {
    const identity = this.#requireOpen('abort')
    if (this.#poison instanceof ProducerFencedError) throw this.#poison
    await this.#end(async () => {
      await this.#dropAll('The transaction was aborted.')
      if (!this.#isStarted) return
      this.#identity = await this.#client.end(identity, false)
      // Sequences may have been spent on batches that never arrived: the older protocol needs another epoch for that.
      if (!this.#client.isImplicit) this.#identity = await this.#client.initialise(this.#identity)
    })
  }

  close(): void {
    this.#state = 'closed'
  }

  /** The first failure counts, and a fencing more than that. */
  poisonWith(error: Error): void {
    const isFenced = error instanceof KafkaError && isFencing(error.errorCode)
    if (this.#poison !== undefined && !isFenced) return
    this.#poison =
      isFenced && !(error instanceof ProducerFencedError)
        ? new ProducerFencedError(error.errorCode, 'The transactional producer lost its id', { cause: error })
        : error
    this.#owner.onPoisoned(this.#poison)
  }

  async #end(end: () => Promise<void>): Promise<void> {
    this.#state = 'ending'
    try {
      await end()
      this.#becomeReady()
    } catch (error) {
      this.#state = 'open'
      this.poisonWith(error as Error)
      throw error
    }
  }

  #becomeReady(): void {
    this.#poison = undefined
    this.#isStarted = false
    this.#partitions.reset()
    this.#state = 'ready'
  }

  #dropAll(why: string): Promise<void> {
    return this.#owner.dropAll(this.#poison ?? new EvertError('CLOSED', why))
  }

  #requireOpen(call: string): ProducerIdentity {
    if (this.#state !== 'open')
      throw misuse(`${call}() needs an open transaction; the state is "${this.#state}"`)
    return this.#identity as ProducerIdentity
  }
}
