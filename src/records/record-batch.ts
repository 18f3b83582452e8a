import { EvertError } from '../errors.ts'
import * as layout from './batch-layout.ts'
import { type Compression, compressionOf, decompress } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { malformed } from './malformed.ts'
import { NO_RECORDS, parseRecords, type RecordColumns } from './record-columns.ts'

export type { RecordHeader } from './record-columns.ts'

/**
 * A read-only view over one record batch inside a larger buffer; nothing is copied. The header was checked for
 * sense when the view was made, so no getter throws; `verify` checks the checksum and `records` the records. Apart
 * from `stampOffsets` the buffer must not change while the view is used.
 */
export class RecordBatch {
  readonly sizeBytes: number
  readonly #buffer: Buffer
  readonly #start: number
  #records: RecordColumns | undefined

  private constructor(buffer: Buffer, start: number, sizeBytes: number) {
    this.#buffer = buffer
    this.#start = start
    this.sizeBytes = sizeBytes
  }

  /** The batch that begins at `offset`. Throws MALFORMED_BYTES when there is no whole one of magic 2. */
  static at(buffer: Buffer, offset = 0): RecordBatch {
    const available = buffer.length - offset
    if (available < layout.HEADER_BYTES) throw malformed(`${available} bytes hold no batch`)
    const sizeBytes = layout.LOG_OVERHEAD_BYTES + buffer.readInt32BE(offset + layout.BATCH_LENGTH)
    if (sizeBytes < layout.HEADER_BYTES || sizeBytes > available) {
      throw malformed(`a batch claims ${sizeBytes} bytes where ${available} are left`)
    }
    const magic = buffer.readInt8(offset + layout.MAGIC)
    if (magic !== layout.CURRENT_MAGIC) {
      throw malformed(
        `magic ${magic}, where only ${layout.CURRENT_MAGIC} (Kafka 0.11 and later) is understood`,
      )
    }
    for (const field of INT64_FIELDS) layout.readInt64(buffer, offset + field)
    compressionOf(buffer.readInt16BE(offset + layout.ATTRIBUTES) & layout.COMPRESSION_MASK)
    const lastOffsetDelta = buffer.readInt32BE(offset + layout.LAST_OFFSET_DELTA)
    const nextOffset = layout.readInt64(buffer, offset + layout.BASE_OFFSET) + lastOffsetDelta + 1
    if (lastOffsetDelta < 0 || !Number.isSafeInteger(nextOffset)) {
      throw malformed(`its last offset delta is ${lastOffsetDelta}`)
    }
    return new RecordBatch(buffer, offset, sizeBytes)
  }

  /** The bytes of this batch, a slice. */
  get bytes(): Buffer {
    return this.#buffer.subarray(this.#start, this.#start + this.sizeBytes)
  }

  get baseOffset(): number {
    return layout.readInt64(this.#buffer, this.#start + layout.BASE_OFFSET)
  }

  get lastOffset(): number {
    return this.baseOffset + this.#lastOffsetDelta
  }

  /** The offset that follows this batch. */
  get nextOffset(): number {
    return this.lastOffset + 1
  }

  get partitionLeaderEpoch(): number {
    return this.#buffer.readInt32BE(this.#start + layout.PARTITION_LEADER_EPOCH)
  }

  get attributes(): number {
    return this.#buffer.readInt16BE(this.#start + layout.ATTRIBUTES)
  }

  get compression(): Compression {
    return compressionOf(this.attributes & layout.COMPRESSION_MASK)
  }

  get timestampType(): 'create' | 'log-append' {
    return (this.attributes & layout.LOG_APPEND_TIME_BIT) === 0 ? 'create' : 'log-append'
  }

  get isTransactional(): boolean {
    return (this.attributes & layout.TRANSACTIONAL_BIT) !== 0
  }

  /** A control batch holds no data but the end of a transaction; see control-batch.ts. */
  get isControl(): boolean {
    return (this.attributes & layout.CONTROL_BIT) !== 0
  }

  get baseTimestamp(): number {
    return layout.readInt64(this.#buffer, this.#start + layout.BASE_TIMESTAMP)
  }

  get maxTimestamp(): number {
    return layout.readInt64(this.#buffer, this.#start + layout.MAX_TIMESTAMP)
  }

  /** -1: from a producer that is not idempotent. */
  get producerId(): number {
    return layout.readInt64(this.#buffer, this.#start + layout.PRODUCER_ID)
  }

  get producerEpoch(): number {
    return this.#buffer.readInt16BE(this.#start + layout.PRODUCER_EPOCH)
  }

  get baseSequence(): number {
    return this.#buffer.readInt32BE(this.#start + layout.BASE_SEQUENCE)
  }

  /** Sequences go on at 0 after 2^31 - 1. */
  get lastSequence(): number {
    const base = this.baseSequence
    return base < 0 ? base : (base + this.#lastOffsetDelta) % 2 ** 31
  }

  /** Records in the batch: fewer than its offsets after compaction. */
  get count(): number {
    return this.#buffer.readInt32BE(this.#start + layout.RECORD_COUNT)
  }

  /** Throws CORRUPT_RECORD when the bytes are not those that were written. */
  verify(): void {
    const stored = this.#buffer.readUInt32BE(this.#start + layout.CRC)
    const computed = crc32c(this.#buffer, this.#start + layout.ATTRIBUTES, this.#start + this.sizeBytes)
    if (stored === computed) return
    throw new EvertError(
      'CORRUPT_RECORD',
      `The record batch of ${this.sizeBytes} bytes at byte ${this.#start} has checksum ${computed}, not ${stored}.`,
    )
  }

  /** The records, parsed at the first call. Throws MALFORMED_BYTES and UNSUPPORTED_COMPRESSION. */
  records(): RecordColumns {
    return (this.#records ??= this.#parse())
  }

  get #lastOffsetDelta(): number {
    return this.#buffer.readInt32BE(this.#start + layout.LAST_OFFSET_DELTA)
  }

  #parse(): RecordColumns {
    // Compaction leaves an empty batch to keep a producer's sequence: its attributes name a compression of nothing.
    if (this.count === 0) return NO_RECORDS
    const bodyStart = this.#start + layout.HEADER_BYTES
    const bodyEnd = this.#start + this.sizeBytes
    const { compression } = this
    const isPlain = compression === 'none'
    const bytes = isPlain ? this.#buffer : decompress(compression, this.#buffer.subarray(bodyStart, bodyEnd))
    return parseRecords({
      bytes,
      start: isPlain ? bodyStart : 0,
      end: isPlain ? bodyEnd : bytes.length,
      count: this.count,
      baseOffset: this.baseOffset,
      lastOffsetDelta: this.#lastOffsetDelta,
      baseTimestamp: this.baseTimestamp,
      appendTimestamp: this.timestampType === 'log-append' ? this.maxTimestamp : undefined,
    })
  }
}

const INT64_FIELDS = [layout.BASE_OFFSET, layout.BASE_TIMESTAMP, layout.MAX_TIMESTAMP, layout.PRODUCER_ID]

/**
 * The batches that lie one after the other in a buffer. A partial batch at the end, as a fetch may bring, is left
 * out; throws MALFORMED_BYTES at anything else that is no batch.
 */
export function* batchesIn(buffer: Buffer): Iterable<RecordBatch> {
  let at = 0
  while (buffer.length - at >= layout.LOG_OVERHEAD_BYTES) {
    const length = buffer.readInt32BE(at + layout.BATCH_LENGTH)
    if (length >= 0 && layout.LOG_OVERHEAD_BYTES + length > buffer.length - at) return
    const batch = RecordBatch.at(buffer, at)
    yield batch
    at += batch.sizeBytes
  }
}

/** Gives a batch its place in a log, in place: the two fields that the checksum leaves out. */
export function stampOffsets(batch: Buffer, baseOffset: number, partitionLeaderEpoch: number): void {
  layout.writeInt64(batch, baseOffset, layout.BASE_OFFSET)
  batch.writeInt32BE(partitionLeaderEpoch, layout.PARTITION_LEADER_EPOCH)
}
