import { isEvertError } from '../../errors.ts'
import { assert } from '../../internal/assert.ts'
import type { Clock } from '../../internal/clock.ts'
import { controlBatch } from '../../records/control-batch.ts'
import { type RecordBatch, stampOffsets } from '../../records/record-batch.ts'
import { errorCodes } from '../../wire/error-codes.ts'
import { checkAppend } from './append-check.ts'
import type { Disk } from './disk.ts'
import type { AppendResult, PartitionLog, TransactionMarker } from './log-storage.ts'
import type { ProducerStates, Refused, RememberedBatch } from './producer-state.ts'
import { encodeSnapshot } from './producer-snapshot.ts'
import { segmentsToDelete } from './retention.ts'
import { Segment } from './segment.ts'
import { readSegment } from './segment-reader.ts'
import { writeSegment, writeShutdownState } from './segment-writer.ts'
import { SparseIndex } from './sparse-index.ts'
import type { PageBudget } from './tail-pages.ts'
import { TailPages } from './tail-pages.ts'
import { offsetForTimestamp, recordOfMaxTimestamp, type TimestampedOffset } from './timestamp-lookup.ts'
import type { TopicSettings } from './topic-settings.ts'
import { WaitingAppends } from './waiting-appends.ts'

const EMPTY = Buffer.alloc(0)
/** The embedded log has one leader for ever. */
const LEADER_EPOCH = 0
const COORDINATOR_EPOCH = 0
/** Offsets in an index are counted from the segment's base in 32 bits. */
const MAX_SEGMENT_OFFSETS = 2 ** 31
/** Kafka's producer.id.expiration.ms. */
const PRODUCER_EXPIRY_MS = 24 * 60 * 60 * 1000

/** What a partition is given by the storage that it is part of. */
export interface PartitionSurroundings {
  readonly disk: Disk
  readonly clock: Clock
  readonly budget: PageBudget
  readonly topicName: string
  readonly partition: number
  readonly directory: string
  settings(): TopicSettings
  /** Makes a new log start offset durable. */
  saveLogStart(offset: number): Promise<void>
  /** Called after each sync: there is a newer recovery point. */
  synced(): void
}

/** What opening found: see recovery.ts. */
export interface PartitionStart {
  /** At least one; the last is appended to. */
  readonly segments: Segment[]
  readonly producers: ProducerStates
  readonly logStartOffset: number
}

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
  readonly #segments: Segment[]
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
  /** Transactions whose marker is appended but not yet below the high watermark. */
  readonly #ending: { firstOffset: number; markerOffset: number }[] = []
  #listeners = new Set<() => void>()
  #committing: Promise<void> | undefined
  #deleting: Promise<void> = Promise.resolve()
  /** Why nothing can be appended any more. */
  #stopped: Refused | undefined
  #failure: unknown

  constructor(around: PartitionSurroundings, start: PartitionStart) {
    assert(start.segments.length > 0, 'a log has a segment')
    this.#around = around
    this.topicName = around.topicName
    this.partition = around.partition
    this.#segments = start.segments
    this.#producers = start.producers
    this.#pages = new TailPages(around.budget)
    const last = this.#active
    last.tailShift = -last.sizeBytes
    for (const segment of start.segments) segment.finished = segment !== last
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
    return this.#active.endOffset
  }

  get recoveryPoint(): number {
    return this.#recoveryPoint
  }

  get sizeBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
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
    if (firstOffset !== undefined) this.#ending.push({ firstOffset, markerOffset: offset })
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
      return await readSegment(this.#segmentOf(offset), this.#pages, { offset, maxBytes, end: limit })
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
    return await offsetForTimestamp([...this.#segments], this.#pages, { ...range, timestampMs })
  }

  async maxTimestamp(): Promise<TimestampedOffset | undefined> {
    const range = { from: this.#logStartOffset, end: this.#highWatermark }
    return await recordOfMaxTimestamp([...this.#segments], this.#pages, range)
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
    const count = await segmentsToDelete([...this.#segments], settings, {
      nowMs,
      keepFrom: this.#lastStableOffset,
    })
    if (count === 0 || this.#stopped !== undefined) return
    if (count === this.#segments.length) {
      this.#roll()
      await this.#committing
    }
    await this.deleteBefore(this.#segments[count]!.baseOffset)
  }

  /** Ends appending, waits for the disk and leaves all that the next open needs to skip the scan. */
  async close(): Promise<void> {
    this.#stopped ??= { code: errorCodes.KAFKA_STORAGE_ERROR, message: `${this.#name} is closed.` }
    await this.#committing
    await this.#deleting
    if (this.#failure === undefined && !this.#around.disk.volatile)
      await writeShutdownState(this.#around, this.#active, this.#producers)
    await Promise.all(this.#segments.map(segment => segment.close()))
  }

  /** Ends everything because the topic is deleted; the files are the caller's to remove. */
  async drop(): Promise<void> {
    this.#stopped = {
      code: errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
      message: `The topic of ${this.#name} was deleted.`,
    }
    await this.#committing
    await this.#deleting
    this.#pages.written(Infinity)
    await Promise.all(this.#segments.map(segment => segment.close()))
    this.#notify()
  }

  get #active(): Segment {
    return this.#segments[this.#segments.length - 1]!
  }

  get #name(): string {
    return `${this.topicName}-${this.partition}`
  }

  #place(batch: RecordBatch | PlainBatch): void {
    const { sizeBytes } = batch
    const count = batch.count
    const offset = this.logEndOffset
    const { segmentBytes } = this.#around.settings()
    const full = this.#active
    if (
      full.sizeBytes > 0 &&
      (full.sizeBytes + sizeBytes > segmentBytes || offset + count - full.baseOffset > MAX_SEGMENT_OFFSETS)
    )
      this.#roll()
    const segment = this.#active
    stampOffsets(this.#pages.append(batch.bytes), offset, LEADER_EPOCH)
    segment.loadedIndex!.add(offset, segment.sizeBytes, batch.maxTimestamp)
    segment.sizeBytes += sizeBytes
    segment.endOffset = offset + count
  }

  #roll(): void {
    const { disk, directory } = this.#around
    const baseOffset = this.logEndOffset
    const index = new SparseIndex(baseOffset)
    const segment = new Segment(disk, directory, { baseOffset, endOffset: baseOffset, sizeBytes: 0, index })
    segment.tailShift = this.#pages.endBytes
    segment.snapshot = encodeSnapshot(this.#producers, { endOffset: baseOffset })
    this.#segments.push(segment)
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

  #refused({ code, message }: Refused): Promise<AppendResult> {
    return Promise.resolve({ code, message, baseOffset: -1, logStartOffset: this.#logStartOffset })
  }

  /** Begins a commit after the current run of code, so that one write takes all that it appends. */
  #commitSoon(): void {
    this.#committing ??= Promise.resolve().then(() => this.#commitAll())
  }

  async #commitAll(): Promise<void> {
    try {
      while (this.#isDirty()) await this.#commit()
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#committing = undefined
    }
  }

  #isDirty(): boolean {
    const active = this.#active
    const before = this.#segments.at(-2)
    return (
      this.#failure === undefined &&
      (active.writtenBytes < active.sizeBytes || (before !== undefined && !before.finished))
    )
  }

  /** Writes and syncs everything appended so far. */
  async #commit(): Promise<void> {
    const { disk } = this.#around
    const endOffset = this.logEndOffset
    const active = this.#active
    const from = this.#segments.findLastIndex(segment => segment.finished) + 1
    const work = this.#segments.slice(from).map(segment => ({ segment, sizeBytes: segment.sizeBytes }))
    const isSynced = this.#around.settings().durability === 'sync'
    for (const { segment, sizeBytes } of work) {
      const isSealed = segment !== active
      await writeSegment(this.#around, this.#pages, { segment, sizeBytes })
      if (isSealed || isSynced) await (await segment.file()).sync()
      if (!isSealed) break
      if (!disk.volatile) await segment.writeIndex({ sync: false })
      segment.finished = true
      this.#recoveryPoint = segment.endOffset
    }
    if (isSynced) this.#recoveryPoint = endOffset
    this.#around.synced()
    if (!disk.volatile) this.#advance(endOffset)
    this.#pages.written(active.writtenBytes + active.tailShift)
  }

  #advance(highWatermark: number): void {
    this.#highWatermark = highWatermark
    while (this.#ending.length > 0 && this.#ending[0]!.markerOffset < highWatermark) this.#ending.shift()
    this.#lastStableOffset = this.#stableOffset()
    this.#waiting.settle(highWatermark)
    this.#notify()
  }

  #stableOffset(): number {
    let stable = Math.min(this.#highWatermark, this.#producers.firstOpenOffset)
    for (const { firstOffset } of this.#ending) stable = Math.min(stable, firstOffset)
    return Math.max(stable, this.#logStartOffset)
  }

  #notify(): void {
    if (this.#listeners.size === 0) return
    const listeners = this.#listeners
    this.#listeners = new Set()
    for (const listener of listeners) listener()
  }

  #fail(error: unknown): void {
    this.#failure = error
    const reason = error instanceof Error ? error.message : String(error)
    this.#stopped = {
      code: errorCodes.KAFKA_STORAGE_ERROR,
      message: `${this.#name} takes no more appends until the data directory is reopened. ${reason}`,
    }
    this.#pages.written(Infinity)
    this.#waiting.settleAll({ ...this.#stopped, baseOffset: -1, logStartOffset: this.#logStartOffset })
  }

  async #startAt(offset: number): Promise<void> {
    this.#logStartOffset = offset
    this.#lastStableOffset = this.#stableOffset()
    this.#producers.forgetBefore(offset)
    await this.#removeSegments()
  }

  #segmentOf(offset: number): Segment {
    let low = 0
    let high = this.#segments.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#segments[middle]!.baseOffset <= offset) low = middle
      else high = middle - 1
    }
    return this.#segments[low]!
  }

  /** Removes the files of the segments below the log's start, the oldest first. */
  #removeSegments(): Promise<void> {
    const removed: Segment[] = []
    while (this.#segments.length > 1 && this.#segments[1]!.baseOffset <= this.#logStartOffset) {
      // The next one begins with the producers' snapshot: without it on disk theirs would be lost.
      if (!this.#segments[0]!.finished || !this.#segments[1]!.begun) break
      removed.push(this.#segments.shift()!)
    }
    const work = this.#deleting.then(async () => {
      for (const segment of removed) await segment.remove()
    })
    // What could not be removed now is removed at the next open; the caller is told.
    this.#deleting = work.catch(() => {})
    return work
  }
}

/** What placing a batch needs to know of it. */
interface PlainBatch {
  readonly bytes: Buffer
  readonly sizeBytes: number
  readonly count: number
  readonly maxTimestamp: number
}

function markerBatch(marker: TransactionMarker): PlainBatch {
  const bytes = controlBatch({ ...marker, coordinatorEpoch: COORDINATOR_EPOCH })
  return { bytes, sizeBytes: bytes.length, count: 1, maxTimestamp: marker.timestampMs }
}
