import type { JsonValue } from '../storage/log-storage.ts'

/**
 * One transactional id. `producerEpoch` is the epoch that may write now; `lastEpoch` the one before the latest bump,
 * by which a repeated request of the same producer is told from one of a fenced producer.
 */
export interface Transaction {
  readonly transactionalId: string
  producerId: number
  producerEpoch: number
  /** The producer id before the epochs of an id ran out, or -1. */
  previousProducerId: number
  lastEpoch: number
  timeoutMs: number
  state: TransactionState
  /** Partitions of the open or of the decided transaction, by topic. */
  partitions: Map<string, Set<number>>
  /** Whether the last decision was made by a client that bumps the epoch with every EndTxn (KIP-890). */
  bumpsEpoch: boolean
  /** Of the latest decision: who its markers are written as, and the newest epoch of the records that it ends. */
  decision: { producerId: number; markerEpoch: number; recordEpoch: number }
  /**
   * A client of KIP-890 may be in the middle of a transaction of which the restart has left nothing: what joined it
   * without a durable trace (staged offsets) is lost, so it must be aborted. Not known to be so until its producer ends
   * it or takes a new epoch.
   */
  mayHaveLost: boolean
  /** Resolves when a decision that is being made or carried out is done. */
  settling: Promise<void> | undefined
  /** Why the last change failed: what is durable of it is unknown until the next start has read it. */
  failure: Error | undefined
  cancelTimeout: () => void
}

export type TransactionState = 'empty' | 'ongoing' | 'commit' | 'abort'

/** A producer epoch is an int16; the last one is kept for fencing and markers. */
export const MAX_EPOCH = 0x7fff
export const LAST_EPOCH = MAX_EPOCH - 1

export function newTransaction(transactionalId: string, producerId: number, timeoutMs: number): Transaction {
  return {
    transactionalId,
    producerId,
    producerEpoch: -1,
    previousProducerId: -1,
    lastEpoch: -1,
    timeoutMs,
    state: 'empty',
    partitions: new Map(),
    bumpsEpoch: false,
    decision: { producerId, markerEpoch: -1, recordEpoch: -1 },
    mayHaveLost: false,
    settling: undefined,
    failure: undefined,
    cancelTimeout: () => {},
  }
}

/** Makes the partition part of the transaction. */
export function join(transaction: Transaction, topic: string, partition: number): void {
  const partitions = transaction.partitions.get(topic)
  if (partitions === undefined) transaction.partitions.set(topic, new Set([partition]))
  else partitions.add(partition)
}

/** What must survive a crash: identity, epochs, and the decision with the partitions that await its markers. */
export function toJson(transaction: Transaction): JsonValue {
  const { producerId, producerEpoch, previousProducerId, lastEpoch, timeoutMs, state, bumpsEpoch, decision } =
    transaction
  return {
    producerId,
    producerEpoch,
    previousProducerId,
    lastEpoch,
    timeoutMs,
    state,
    bumpsEpoch,
    decision,
    partitions: [...transaction.partitions].map(([topic, partitions]) => [topic, [...partitions]]),
  }
}

export function fromJson(transactionalId: string, json: JsonValue): Transaction {
  const { partitions, ...saved } = json as unknown as Omit<Transaction, 'partitions'> & {
    partitions: [string, number[]][]
  }
  return {
    ...newTransaction(transactionalId, saved.producerId, saved.timeoutMs),
    ...saved,
    partitions: new Map(partitions.map(([topic, indexes]) => [topic, new Set(indexes)])),
  }
}
