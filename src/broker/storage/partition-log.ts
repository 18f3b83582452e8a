import { isEvertError } from '../../errors.ts'
import { assert } from '../../internal/assert.ts'
import { errorCodes } from '../../wire/error-codes.ts'
import { checkAppend } from './append-check.ts'
import { isFullFor, markerBatch, type PlainBatch, placeBatch } from './batch-placement.ts'
import { diskFault } from './disk.ts'
import { EndingTransactions } from './ending-transactions.ts'
import type { AppendResult, PartitionLog, TransactionMarker } from './log-storage.ts'
import type { PartitionStart, PartitionSurroundings } from './partition-surroundings.ts'
import type { ProducerStates, Refused, RememberedBatch } from './producer-state.ts'
import { encodeSnapshot } from './producer-snapshot.ts'
import { segmentsToDelete } from './retention.ts'
import { SegmentList } from './segment-list.ts'
import { readSegment } from './segment-reader.ts'
import { writeSegments, writeShutdownState } from './segment-writer.ts'
import { TailPages } from './tail-pages.ts'
import { offsetForTimestamp, recordOfMaxTimestamp, type TimestampedOffset } from './timestamp-lookup.ts'
import { WaitingAppends } from './waiting-appends.ts'

const EMPTY = Buffer.alloc(0)
/** Kafka's producer.id.expiration.ms. */
const PRODUCER_EXPIRY_MS = 24 * 60 * 60 * 1000

/**
 * One partition of the log.
 *
 * Algorithm: an append is checked, copied to the tail pages and given its offsets at once. One commit at a time takes
 * everything appended so far, writes it with one call per segment, and syncs; what arrives meanwhile forms the next
 * commit. When the sync returns, the high watermark moves and the promises of those appends resolve.
 *
 * State: segments (all but the last sealed), tail pages, producers as of the log end, waiting appends in order.
 *
 * Why it is correct: bytes enter the file in offset order, so what a crash leaves is a prefix of the log plus a torn
 * tail that no promise has vouched for. After a failed write or sync nobody knows what the file holds (a second fsync
 * may succeed without having written), so the partition stops: nothing more is acknowledged before it is reopened.
 */
export class StoredPartition implements PartitionLog {
  readonly topicName: string
  readonly partition: number
  readonly #around: PartitionSurroundings
  readonly #segments: SegmentList
  readonly #producers: ProducerStates
  readonly #pages: TailPages
  #logStartOffset: number
  /** The log start that is, or is being made, durable. */
  #startAsked: number
  #startSaved: Promise<void> = Promise.resolve()
  #highWatermark: number
  #lastStableOffset: number
  /** Everything below is synced. */
  #recoveryPoint: number
  readonly #waiting = new WaitingAppends()
  readonly #ending = new EndingTransactions()
  #listeners = new Set<() => void>()
  #committing: Promise<void> | undefined
  /** Why nothing can be appended any more. */
  #stopped: Refused | undefined
  #failure: unknown

  constructor(around: PartitionSurroundings, start: PartitionStart) {
    assert(start.segments.length > 0, 'a log has a segment')
    this.#around = around
    this.topicName = around.topicName
    this.partition = around.partition
    this.#segments = new SegmentList(around, start.segments)
    this.#producers = start.producers
    this.#pages = new TailPages(around.budget)
    const last = this.#segments.active
    last.tailShift = -last.sizeBytes
    this.#logStartOffset = start.logStartOffset
    this.#startAsked = start.logStartOffset
    this.#highWatermark = last.endOffset
    this.#recoveryPoint = last.endOffset
    this.#lastStableOffset = this.#stableOffset()
  }

  get logStartOffset(): number {
    return this.#logStartOffset
  }

  get lastStableOffset(): number {
    return this.#lastStableOffset
  }

  get highWatermark(): number {
    return this.#highWatermark
  }

  get logEndOffset(): number {
    return this.#segments.active.endOffset
  }

  get recoveryPoint(): number {
    return this.#recoveryPoint
  }

  get sizeBytes(): number {
    return this.#segments.sizeBytes
  }

  /** What made the partition fail, if it did. */
  get failure(): unknown {
    return this.#failure
  }

  append(bytes: Buffer): Promise<AppendResult> {
    if (this.#stopped !== undefined) return this.#refused(this.#stopped)
    const batches = checkAppend(bytes, this.#around.settings().maxMessageBytes)
    if (!Array.isArray(batches)) return this.#refused(batches)
    const first = batches[0]!
    const isIdempotent = first.producerId >= 0
    if (isIdempotent) {
      const known = this.#producers.duplicateOf(first)
      if (known !== undefined) return this.#repeated(known)
      const refused = this.#producers.refuse(first)
      if (refused !== undefined) return this.#refused(refused)
    }
    const baseOffset = this.logEndOffset
    for (const batch of batches) this.#place(batch)
    if (isIdempotent) this.#producers.appended(first, baseOffset, this.#around.clock.nowMs())
    return this.#whenDurable(baseOffset)
  }

  appendMarker(marker: TransactionMarker): Promise<AppendResult> {
    const refused = this.#stopped ?? this.#producers.refuseMarker(marker.producerId, marker.producerEpoch)
    if (refused !== undefined) return this.#refused(refused)
    const offset = this.logEndOffset
    this.#place(markerBatch(marker))
    const firstOffset = this.#producers.ended(marker, offset, this.#around.clock.nowMs())
    if (firstOffset !== undefined) this.#ending.add(firstOffset, offset)
    return this.#whenDurable(offset)
  }

  openTransaction(producerId: number): { readonly epoch: number; readonly firstOffset: number } | undefined {
    return this.#producers.openTransaction(producerId)
  }

  async read(offset: number, maxBytes: number, end: number): Promise<Buffer> {
    if (offset < this.#logStartOffset) return EMPTY
    const limit = Math.min(end, this.#highWatermark)
    if (offset >= limit) return EMPTY
    try {
      return await readSegment(this.#segments.holding(offset), this.#pages, { offset, maxBytes, end: limit })
    } catch (error) {
      if (isEvertError(error, 'CLOSED') && offset < this.#logStartOffset) return EMPTY
      throw error
    }
  }

  abortedTransactions(
    from: number,
    to: number,
  ): { readonly producerId: number; readonly firstOffset: number }[] {
    return this.#producers
      .abortedIn(from, to)
      .map(({ producerId, firstOffset }) => ({ producerId, firstOffset }))
  }

  async offsetForTimestamp(timestampMs: number, end: number): Promise<TimestampedOffset | undefined> {
    const range = { from: this.#logStartOffset, end: Math.min(end, this.#highWatermark) }
    return await offsetForTimestamp(this.#segments.all(), this.#pages, { ...range, timestampMs })
  }

  async maxTimestamp(): Promise<TimestampedOffset | undefined> {
    const range = { from: this.#logStartOffset, end: this.#highWatermark }
    return await recordOfMaxTimestamp(this.#segments.all(), this.#pages, range)
  }

  async deleteBefore(offset: number): Promise<number> {
    const start = Math.min(offset, this.#highWatermark)
    if (start > this.#startAsked) {
      this.#startAsked = start
      this.#startSaved = this.#around.saveLogStart(start)
    }
    // Also who asks for less than is on its way is answered when that is durable.
    const asked = this.#startAsked
    await this.#startSaved
    if (asked > this.#logStartOffset) await this.#startAt(asked)
    return this.#logStartOffset
  }

  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Deletes the segments that retention no longer keeps, and forgets producers long silent. */
  async applyRetention(): Promise<void> {
    if (this.#stopped !== undefined) return
    const nowMs = this.#around.clock.nowMs()
    this.#producers.expire(nowMs - PRODUCER_EXPIRY_MS)
    const settings = this.#around.settings()
    if (settings.retentionMs < 0 && settings.retentionBytes < 0) return
    const segments = this.#segments.all()
    const count = await segmentsToDelete(segments, settings, { nowMs, keepFrom: this.#lastStableOffset })
    if (count === 0 || this.#stopped !== undefined) return
    if (count === this.#segments.all().length) {
      this.#roll()
      await this.#committing
    }
    await this.deleteBefore(this.#segments.all()[count]!.baseOffset)
  }

  /** Ends appending, waits for the disk and leaves all that the next open needs to skip the scan. */
  async close(): Promise<void> {
    this.#stopped ??= { code: errorCodes.KAFKA_STORAGE_ERROR, message: `${this.#name} is closed.` }
    await this.#committing
    await this.#segments.removed()
    try {
      if (this.#failure === undefined && !this.#around.disk.volatile)
        await writeShutdownState(this.#around, this.#segments.active, this.#producers)
    } finally {
      await this.#segments.close()
    }
  }

  /** Ends everything because the topic is deleted; the files are the caller's to remove. */
  async drop(): Promise<void> {
    this.#stopped = {
      code: errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
      message: `The topic of ${this.#name} was deleted.`,
    }
    await this.#committing
    await this.#segments.removed()
    this.#pages.written(Infinity)
    await this.#segments.close()
    this.#notify()
  }

  get #name(): string {
    return `${this.topicName}-${this.partition}`
  }

  #place(batch: PlainBatch): void {
    if (isFullFor(batch, this.#segments.active, this.#around.settings().segmentBytes)) this.#roll()
    placeBatch(batch, this.#segments.active, this.#pages)
  }

  #roll(): void {
    this.#segments.roll({
      tailShift: this.#pages.endBytes,
      snapshot: encodeSnapshot(this.#producers, { endOffset: this.logEndOffset }),
    })
    this.#commitSoon()
  }

  #whenDurable(baseOffset: number): Promise<AppendResult> {
    const result = {
      code: errorCodes.NONE,
      message: undefined,
      baseOffset,
      logStartOffset: this.#logStartOffset,
    }
    this.#commitSoon()
    if (this.#around.disk.volatile) {
      this.#advance(this.logEndOffset)
      return Promise.resolve(result)
    }
    return this.#waitFor(this.logEndOffset, result)
  }

  #repeated(known: RememberedBatch): Promise<AppendResult> {
    return this.#waitFor(known.lastOffset + 1, {
      code: errorCodes.NONE,
      message: undefined,
      baseOffset: known.baseOffset,
      logStartOffset: this.#logStartOffset,
    })
  }

  #waitFor(endOffset: number, result: AppendResult): Promise<AppendResult> {
    return endOffset <= this.#highWatermark ? Promise.resolve(result) : this.#waiting.add(endOffset, result)
  }

  #refused(refused: Refused): Promise<AppendResult> {
    return Promise.resolve({ ...refused, baseOffset: -1, logStartOffset: this.#logStartOffset })
  }

  /** Begins a commit after the current run of code, so that one write takes all that it appends. */
  #commitSoon(): void {
    this.#committing ??= Promise.resolve().then(() => this.#commitAll())
  }

  async #commitAll(): Promise<void> {
    try {
      while (this.#failure === undefined && this.#segments.isDirty()) await this.#commit()
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#committing = undefined
    }
  }

  /** Writes and syncs everything appended so far. */
  async #commit(): Promise<void> {
    const endOffset = this.logEndOffset
    const active = this.#segments.active
    const { durability, preallocate, segmentBytes } = this.#around.settings()
    const isSynced = durability === 'sync'
    await writeSegments(this.#around, this.#pages, {
      segments: this.#segments.unfinished(),
      isSynced,
      aheadBytes: isSynced && preallocate && !this.#around.disk.volatile ? segmentBytes : 0,
      sealed: segment => {
        this.#recoveryPoint = segment.endOffset
      },
    })
    if (isSynced) this.#recoveryPoint = endOffset
    this.#around.synced()
    if (!this.#around.disk.volatile) this.#advance(endOffset)
    this.#pages.written(active.writtenBytes + active.tailShift)
  }

  #advance(highWatermark: number): void {
    this.#highWatermark = highWatermark
    this.#ending.advance(highWatermark)
    this.#lastStableOffset = this.#stableOffset()
    this.#waiting.settle(highWatermark)
    this.#notify()
  }

  #stableOffset(): number {
    const open = Math.min(this.#producers.firstOpenOffset, this.#ending.firstOffset)
    return Math.max(Math.min(this.#highWatermark, open), this.#logStartOffset)
  }

  #notify(): void {
    if (this.#listeners.size === 0) return
    const listeners = this.#listeners
    this.#listeners = new Set()
    for (const listener of listeners) listener()
  }

  #fail(error: unknown): void {
    this.#failure = error
    const fault = diskFault(`${this.#name} takes no more appends`, error)
    this.#stopped = { code: errorCodes.KAFKA_STORAGE_ERROR, message: fault.message, fault }
    this.#pages.written(Infinity)
    this.#waiting.settleAll({ ...this.#stopped, baseOffset: -1, logStartOffset: this.#logStartOffset })
  }

  async #startAt(offset: number): Promise<void> {
    this.#logStartOffset = offset
    this.#lastStableOffset = this.#stableOffset()
    this.#producers.forgetBefore(offset)
    await this.#segments.removeBelow(offset)
  }
}
