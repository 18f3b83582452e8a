import type { EvertError } from '../../errors.ts'
import type { RecordBatch } from '../../records/record-batch.ts'
import { errorCodes } from '../../wire/error-codes.ts'

/** Kafka remembers five batches a producer, the most that a client has in flight on one partition. */
const REMEMBERED_BATCHES = 5
const NO_EPOCH = -1
const NO_SEQUENCE = -1
const LAST_SEQUENCE = 2 ** 31 - 1
const NO_TRANSACTION = -1

/** One batch of an idempotent producer, enough to know it again. */
export interface RememberedBatch {
  readonly baseSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  readonly lastOffset: number
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /** Offset of the abort marker. */
  readonly lastOffset: number
}

interface ProducerEntry {
  epoch: number
  /** First offset of the open transaction, or -1. */
  transactionStart: number
  /** Wall clock of the last append, for expiry. */
  seenMs: number
  /** Oldest first; all of the current epoch. */
  batches: RememberedBatch[]
}

export interface Refused {
  readonly code: number
  readonly message: string
  /** What the disk did, if that is why. */
  readonly fault?: EvertError
}

/**
 * What a partition knows of its producers: the rules of Kafka's ProducerAppendInfo and ProducerStateManager.
 *
 * State: per producer id its epoch, its last five batches and its open transaction; the aborted transactions.
 * It is a function of the batches in the log alone (but for the time of expiry), so replaying the log rebuilds it.
 */
export class ProducerStates {
  readonly #producers = new Map<number, ProducerEntry>()
  /** Producer id to first offset of its open transaction. Offsets only grow, so the first entry is the oldest. */
  readonly #open = new Map<number, number>()
  #aborted: AbortedTransaction[] = []

  /** First offset of the oldest open transaction, or Infinity. */
  get firstOpenOffset(): number {
    for (const offset of this.#open.values()) return offset
    return Infinity
  }

  openTransaction(producerId: number): { epoch: number; firstOffset: number } | undefined {
    const firstOffset = this.#open.get(producerId)
    if (firstOffset === undefined) return undefined
    return { epoch: this.#producers.get(producerId)!.epoch, firstOffset }
  }

  /** The remembered batch that this one repeats. */
  duplicateOf(batch: RecordBatch): RememberedBatch | undefined {
    const entry = this.#producers.get(batch.producerId)
    if (entry === undefined || entry.epoch !== batch.producerEpoch) return undefined
    const { baseSequence, lastSequence } = batch
    return entry.batches.find(
      known => known.baseSequence === baseSequence && known.lastSequence === lastSequence,
    )
  }

  /** Why a data batch that is no duplicate may not be appended, or undefined. */
  refuse(batch: RecordBatch): Refused | undefined {
    const entry = this.#producers.get(batch.producerId)
    const epoch = entry?.epoch ?? NO_EPOCH
    if (batch.producerEpoch < epoch) return fenced(batch.producerId, batch.producerEpoch, epoch)
    if (entry !== undefined && entry.transactionStart !== NO_TRANSACTION && !batch.isTransactional)
      return {
        code: errorCodes.INVALID_TXN_STATE,
        message: `Producer ${batch.producerId} has an open transaction but sent a batch outside of it.`,
      }
    if (this.#isInSequence(entry, batch)) return undefined
    return {
      code: errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
      message: `Producer ${batch.producerId} of epoch ${batch.producerEpoch} sent sequence ${batch.baseSequence} after ${lastSequenceOf(entry)} of epoch ${epoch}.`,
    }
  }

  refuseMarker(producerId: number, producerEpoch: number): Refused | undefined {
    const epoch = this.#producers.get(producerId)?.epoch ?? NO_EPOCH
    return producerEpoch < epoch ? fenced(producerId, producerEpoch, epoch) : undefined
  }

  /** Takes a data batch of a producer that stands in the log now. */
  appended(batch: RecordBatch, baseOffset: number, nowMs: number): void {
    const { producerId } = batch
    const entry = this.#at(producerId, batch.producerEpoch)
    const lastOffset = baseOffset + (batch.lastOffset - batch.baseOffset)
    entry.seenMs = nowMs
    if (entry.batches.length === REMEMBERED_BATCHES) entry.batches.shift()
    entry.batches.push({
      baseSequence: batch.baseSequence,
      lastSequence: batch.lastSequence,
      baseOffset,
      lastOffset,
    })
    if (batch.isTransactional && entry.transactionStart === NO_TRANSACTION) {
      entry.transactionStart = baseOffset
      this.#open.set(producerId, baseOffset)
    }
  }

  /** Takes a marker that stands in the log now; gives the first offset of the transaction that it ends, if any. */
  ended(
    marker: { producerId: number; producerEpoch: number; type: 'commit' | 'abort' },
    offset: number,
    nowMs: number,
  ): number | undefined {
    const { producerId } = marker
    const entry = this.#at(producerId, marker.producerEpoch)
    entry.seenMs = nowMs
    if (entry.transactionStart === NO_TRANSACTION) return undefined
    const firstOffset = entry.transactionStart
    entry.transactionStart = NO_TRANSACTION
    this.#open.delete(producerId)
    if (marker.type === 'abort') this.#aborted.push({ producerId, firstOffset, lastOffset: offset })
    return firstOffset
  }

  /** Aborted transactions with an offset in [from, to). */
  abortedIn(from: number, to: number): AbortedTransaction[] {
    // In order of their markers: those that end before `from` come first.
    let low = 0
    let high = this.#aborted.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#aborted[middle]!.lastOffset < from) low = middle + 1
      else high = middle
    }
    return this.#aborted.slice(low).filter(aborted => aborted.firstOffset < to)
  }

  /** Forgets aborted transactions that lie below the log's start. */
  forgetBefore(offset: number): void {
    if ((this.#aborted[0]?.lastOffset ?? offset) >= offset) return
    this.#aborted = this.#aborted.filter(aborted => aborted.lastOffset >= offset)
  }

  /** Forgets producers that have not written since. Those with an open transaction stay. */
  expire(beforeMs: number): void {
    for (const [producerId, entry] of this.#producers)
      if (entry.seenMs < beforeMs && entry.transactionStart === NO_TRANSACTION)
        this.#producers.delete(producerId)
  }

  /** Plain data for a snapshot: see FORMAT.md. */
  toJson(): ProducersJson {
    return {
      producers: [...this.#producers].map(([id, entry]) => [
        id,
        entry.epoch,
        entry.transactionStart,
        entry.seenMs,
        entry.batches.map(batch => [
          batch.baseSequence,
          batch.lastSequence,
          batch.baseOffset,
          batch.lastOffset,
        ]),
      ]),
      aborted: this.#aborted.map(({ producerId, firstOffset, lastOffset }) => [
        producerId,
        firstOffset,
        lastOffset,
      ]),
    }
  }

  static fromJson(json: ProducersJson): ProducerStates {
    const states = new ProducerStates()
    for (const [id, epoch, transactionStart, seenMs, batches] of json.producers) {
      const remembered = batches.map(([baseSequence, lastSequence, baseOffset, lastOffset]) => ({
        baseSequence,
        lastSequence,
        baseOffset,
        lastOffset,
      }))
      states.#producers.set(id, { epoch, transactionStart, seenMs, batches: remembered })
    }
    const open = json.producers.filter(([, , start]) => start !== NO_TRANSACTION)
    for (const [id, , start] of open.toSorted((a, b) => a[2] - b[2])) states.#open.set(id, start)
    states.#aborted = json.aborted.map(([producerId, firstOffset, lastOffset]) => ({
      producerId,
      firstOffset,
      lastOffset,
    }))
    return states
  }

  /** The entry of the producer, of this epoch: a higher one forgets the batches of the lower. */
  #at(producerId: number, epoch: number): ProducerEntry {
    let entry = this.#producers.get(producerId)
    if (entry === undefined) {
      entry = { epoch, transactionStart: NO_TRANSACTION, seenMs: 0, batches: [] }
      this.#producers.set(producerId, entry)
    } else if (entry.epoch !== epoch) {
      entry.epoch = epoch
      entry.batches = []
    }
    return entry
  }

  #isInSequence(entry: ProducerEntry | undefined, batch: RecordBatch): boolean {
    // Of a producer that is not known (any more) every sequence is taken, or a producer whose records were all
    // deleted could never write again. A transaction of the v2 protocol always begins at 0.
    if (entry === undefined) return !batch.isTransactional || batch.baseSequence === 0
    if (batch.producerEpoch !== entry.epoch) return batch.baseSequence === 0
    const last = lastSequenceOf(entry)
    return batch.baseSequence === (last === LAST_SEQUENCE ? 0 : last + 1)
  }
}

export interface ProducersJson {
  readonly producers: readonly (readonly [
    id: number,
    epoch: number,
    transactionStart: number,
    seenMs: number,
    batches: readonly (readonly [number, number, number, number])[],
  ])[]
  readonly aborted: readonly (readonly [producerId: number, firstOffset: number, lastOffset: number])[]
}

function lastSequenceOf(entry: ProducerEntry | undefined): number {
  return entry?.batches.at(-1)?.lastSequence ?? NO_SEQUENCE
}

function fenced(producerId: number, epoch: number, current: number): Refused {
  return {
    code: errorCodes.INVALID_PRODUCER_EPOCH,
    message: `Producer ${producerId} sent epoch ${epoch}, but epoch ${current} has taken over.`,
  }
}
