import type { RecordBatchBuilder } from '../records/record-batch-builder.ts'

/** Under which producer id and epoch a partition's batches are numbered. Compared by identity. */
export interface ProducerIdentity {
  readonly producerId: number
  readonly epoch: number
}

export interface Acknowledgement {
  readonly partition: number
  readonly offset: number
}

/** Somebody who waits for one record of a batch. */
export interface RecordWaiter {
  readonly index: number
  resolve(acknowledgement: Acknowledgement): void
  reject(error: unknown): void
}

/** A flush that waits for `remaining` batches. */
export interface Flush {
  remaining: number
  resolve(): void
}

export interface Batch {
  /** Gathers records until the batch is first sent. */
  builder: RecordBatchBuilder | undefined
  /** From the first send on; never changes after it, so that a retry is recognised by its sequence. */
  bytes: Buffer | undefined
  readonly createdMs: number
  /** What it counts in the producer's bufferedBytes. */
  sizeBytes: number
  count: number
  attempts: number
  /** Order of the first send over all batches of the producer; -1 before. */
  order: number
  waiters: RecordWaiter[] | undefined
  flushes: Flush[] | undefined
}

const SEQUENCES = 2 ** 31

/**
 * One partition's batches on their way, oldest first: `retry` (sent, and to be sent again), then `sealed`, then
 * `open`, which takes records; `inFlight` were sent and are not answered.
 *
 * Invariant: batches get their sequences in order of append, at their first send, under `identity`. A batch that is
 * sent again is alone in flight: the broker sees sequences in order or refuses them.
 */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  open: Batch | undefined
  sealed: Batch[] = []
  retry: Batch[] = []
  inFlight: Batch[] = []
  identity: ProducerIdentity | undefined
  nextSequence = 0
  /** Whether the broker has acknowledged a batch under this identity. */
  isEstablished = false
  /** Of the newest record whose offset the broker told; -1 before the first. */
  lastOffset = -1
  /** Not to be sent before. */
  notBeforeMs = 0
  /** A sent batch was given up: what was sent after it must be given up too, then sequences start anew. */
  failure: Error | undefined
  /** The log refuses larger ones. */
  maxBatchBytes = Infinity

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get isIdle(): boolean {
    return (
      this.open === undefined &&
      this.sealed.length === 0 &&
      this.retry.length === 0 &&
      this.inFlight.length === 0
    )
  }

  /**
   * Whether one batch at a time may be in flight. The first under an identity: a broker that knows nothing of a
   * producer takes any sequence as its first, so a later batch must not overtake it. One that is sent again: the
   * broker recognises what it has among the last five batches only, so nothing newer may follow until it is answered.
   */
  get mustGoAlone(): boolean {
    return !this.isEstablished || this.retry.length > 0 || (this.inFlight[0]?.attempts ?? 0) > 1
  }

  /** Closes the open batch, so that it is sent without waiting for more. */
  seal(): void {
    if (this.open === undefined) return
    this.sealed.push(this.open)
    this.open = undefined
  }

  /** Numbers of the next `count` records; taken once per batch. */
  takeSequences(count: number): number {
    const base = this.nextSequence
    this.nextSequence = (base + count) % SEQUENCES
    return base
  }

  /** Starts over at sequence 0 under another identity; nothing may be in flight or wait for a retry. */
  adopt(identity: ProducerIdentity): void {
    this.identity = identity
    this.nextSequence = 0
    this.isEstablished = false
  }

  putBack(batch: Batch): void {
    const at = this.retry.findIndex(other => other.order > batch.order)
    this.retry.splice(at < 0 ? this.retry.length : at, 0, batch)
  }

  /** Whether a batch that was sent earlier is still without an answer. */
  hasEarlier(batch: Batch): boolean {
    return (
      this.inFlight.some(other => other.order < batch.order) ||
      this.retry.some(other => other.order < batch.order)
    )
  }

  *batches(): Iterable<Batch> {
    yield* this.inFlight
    yield* this.retry
    yield* this.sealed
    if (this.open !== undefined) yield this.open
  }
}
