import { errorCodes } from '../../wire/error-codes.ts'
import { LAST_EPOCH, type Transaction } from './transaction-state.ts'

/** What is to be done with a request to end a transaction; a number is the error that answers it. */
export type EndVerdict = 'decide' | 'repeated' | number

/**
 * Judges a request to end a transaction, by who asks and what the latest outcome was. `bumps`: the client takes a new
 * epoch from the answer (EndTxn v5), so that a repetition of its request comes with the epoch before.
 */
export function judgeEnd(
  transaction: Transaction,
  { producerId, producerEpoch }: { readonly producerId: number; readonly producerEpoch: number },
  end: { readonly commit: boolean; readonly bumps: boolean },
): EndVerdict {
  const isOverflowRetry =
    transaction.bumpsEpoch &&
    producerId === transaction.previousProducerId &&
    producerEpoch === LAST_EPOCH &&
    transaction.producerEpoch === 0
  if (producerId !== transaction.producerId && !isOverflowRetry) {
    return errorCodes.INVALID_PRODUCER_ID_MAPPING
  }
  const { state } = transaction
  const isEnded = state === 'commit' || state === 'abort'
  const isBumpRetry =
    transaction.bumpsEpoch &&
    producerEpoch === transaction.lastEpoch &&
    producerEpoch + 1 === transaction.producerEpoch
  const isRetry = isEnded && (isOverflowRetry || isBumpRetry)
  if (!isRetry && producerEpoch !== transaction.producerEpoch) return errorCodes.PRODUCER_FENCED
  if (state === 'ongoing') return 'decide'
  // The same end again is answered the same; to a client that keeps its epoch every repetition looks like that.
  if (state === (end.commit ? 'commit' : 'abort') && (isRetry || !end.bumps)) return 'repeated'
  if (end.bumps && !end.commit && !isRetry) return 'decide'
  return errorCodes.INVALID_TXN_STATE
}

type Identity = Pick<
  Transaction,
  'producerId' | 'previousProducerId' | 'producerEpoch' | 'lastEpoch' | 'bumpsEpoch'
>

/** Whether one more InitProducerId uses up the epochs of the producer id. */
export function needsNewProducerId({ producerEpoch }: Transaction, expected: number | undefined): boolean {
  return producerEpoch >= LAST_EPOCH && (expected === undefined || expected === producerEpoch)
}

/** The identity with a new producer id. */
export function identityWith(
  newProducerId: number,
  { producerId, producerEpoch }: Pick<Transaction, 'producerId' | 'producerEpoch'>,
  expected: number | undefined,
): Identity {
  return {
    producerId: newProducerId,
    previousProducerId: producerId,
    producerEpoch: 0,
    lastEpoch: expected === undefined ? -1 : producerEpoch,
    bumpsEpoch: false,
  }
}

/** The identity after one more InitProducerId of the same producer id; undefined when the producer is fenced. */
export function bumpedIdentity(
  { producerId, producerEpoch, lastEpoch, previousProducerId }: Transaction,
  expected: number | undefined,
): Identity | undefined {
  const bumped = { producerId, previousProducerId, producerEpoch: producerEpoch + 1, bumpsEpoch: false }
  if (producerEpoch === -1 || expected === undefined) return { ...bumped, lastEpoch: -1 }
  if (expected === producerEpoch) return { ...bumped, lastEpoch: producerEpoch }
  // The request was done before and its answer lost.
  if (expected === lastEpoch) return { ...bumped, producerEpoch, lastEpoch }
  return undefined
}
