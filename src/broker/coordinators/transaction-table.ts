import { errorCodes } from '../../wire/error-codes.ts'
import type { ProducerIds } from './producer-ids.ts'
import { newTransaction, type Transaction } from './transaction-state.ts'

export interface ProducerIdentity {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
}

/** The transactions by transactional id, and who may speak for one. */
export class TransactionTable {
  readonly #producerIds: ProducerIds
  readonly #transactions = new Map<string, Transaction>()

  constructor(producerIds: ProducerIds) {
    this.#producerIds = producerIds
  }

  all(): Iterable<Transaction> {
    return this.#transactions.values()
  }

  get(transactionalId: string): Transaction | undefined {
    return this.#transactions.get(transactionalId)
  }

  add(transaction: Transaction): void {
    this.#transactions.set(transaction.transactionalId, transaction)
  }

  async findOrCreate(transactionalId: string, timeoutMs: number): Promise<Transaction> {
    const known = this.#transactions.get(transactionalId)
    if (known !== undefined) return known
    const producerId = await this.#producerIds.next()
    const raced = this.#transactions.get(transactionalId)
    if (raced !== undefined) return raced
    const created = newTransaction(transactionalId, producerId, timeoutMs)
    this.#transactions.set(transactionalId, created)
    return created
  }

  /**
   * The transaction of its present producer while no change of it is on its way; or the error that says why not. Throws what
   * its last change failed with.
   */
  find({ transactionalId, producerId, producerEpoch }: ProducerIdentity): Transaction | number {
    if (transactionalId === '') return errorCodes.INVALID_REQUEST
    const transaction = this.#transactions.get(transactionalId)
    if (transaction === undefined || transaction.producerId !== producerId) {
      return errorCodes.INVALID_PRODUCER_ID_MAPPING
    }
    if (transaction.producerEpoch !== producerEpoch) return errorCodes.PRODUCER_FENCED
    if (transaction.failure !== undefined) throw transaction.failure
    if (transaction.settling !== undefined) return errorCodes.CONCURRENT_TRANSACTIONS
    return transaction
  }

  async findSettled(producer: ProducerIdentity): Promise<Transaction | number> {
    const transaction = this.#transactions.get(producer.transactionalId)
    if (transaction !== undefined) await settled(transaction)
    return this.find(producer)
  }
}

/** Resolves when no change of the transaction is on its way. */
export async function settled(transaction: Transaction): Promise<void> {
  while (transaction.settling !== undefined) await transaction.settling
}
