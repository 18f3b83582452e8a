import { EvertError } from '../errors.ts'
import { assert } from '../internal/assert.ts'
import * as layout from './batch-layout.ts'
import { type Compression, compress, compressionId } from './compression.ts'
import { crc32c } from './crc32c.ts'
import type { RecordHeader } from './record-columns.ts'
import { sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from './varint.ts'

export interface RecordBatchBuilderOptions {
  /** Default none. */
  readonly compression?: Compression
  /** Size of the buffer to begin with; it grows. Default 16 KiB. */
  readonly initialBytes?: number
}

export interface BuildOptions {
  /** Default -1: not idempotent. */
  readonly producerId?: number
  /** Default -1. */
  readonly producerEpoch?: number
  /** Default -1. */
  readonly baseSequence?: number
  /** Default false. */
  readonly transactional?: boolean
  /** Default false; see control-batch.ts. */
  readonly control?: boolean
  /** Default -1: the broker says. */
  readonly partitionLeaderEpoch?: number
}

/** Writes records straight into the bytes of a batch; its buffer is used again after `reset`. */
export class RecordBatchBuilder {
  readonly #compression: Compression
  #buffer: Buffer
  #position = layout.HEADER_BYTES
  #count = 0
  #baseTimestamp = 0
  #maxTimestamp = 0

  constructor({ compression = 'none', initialBytes = 16 * 1024 }: RecordBatchBuilderOptions = {}) {
    this.#compression = compression
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(initialBytes, layout.HEADER_BYTES))
  }

  get count(): number {
    return this.#count
  }

  /** Of the batch so far, before compression. */
  get sizeBytes(): number {
    return this.#position
  }

  /**
   * Adds a record; key, value and headers are copied. `timestamp` is in whole ms since 1970, or -1 for none. Throws
   * INVALID_ARGUMENT for another one; after any error the batch is as it was.
   */
  append(
    timestamp: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: readonly RecordHeader[] = NO_HEADERS,
  ): void {
    if (timestamp < NO_TIMESTAMP || !Number.isSafeInteger(timestamp)) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        `The timestamp of a record is ${timestamp}, not ms since 1970.`,
      )
    }
    const timestampDelta = this.#count === 0 ? 0 : timestamp - this.#baseTimestamp
    const keyLength = key === null ? -1 : key.length
    const valueLength = value === null ? -1 : value.length
    const length =
      1 +
      sizeOfVarlong(timestampDelta) +
      sizeOfVarint(this.#count) +
      sizeOfVarint(keyLength) +
      (keyLength > 0 ? keyLength : 0) +
      sizeOfVarint(valueLength) +
      (valueLength > 0 ? valueLength : 0) +
      sizeOfVarint(headers.length) +
      (headers.length === 0 ? 0 : sizeOfHeaders(headers))

    const buffer = this.#reserve(sizeOfVarint(length) + length)
    let at = writeVarint(buffer, length, this.#position)
    buffer[at++] = 0
    at = writeVarlong(buffer, timestampDelta, at)
    at = writeVarint(buffer, this.#count, at)
    at = writeVarint(buffer, keyLength, at)
    if (key !== null) at += key.copy(buffer, at)
    at = writeVarint(buffer, valueLength, at)
    if (value !== null) at += value.copy(buffer, at)
    at = writeVarint(buffer, headers.length, at)
    if (headers.length > 0) at = writeHeaders(buffer, headers, at)
    this.#position = at
    if (this.#count++ === 0) {
      this.#baseTimestamp = timestamp
      this.#maxTimestamp = timestamp
    } else if (timestamp > this.#maxTimestamp) {
      this.#maxTimestamp = timestamp
    }
  }

  /** The batch, in memory of its own. Has at least one record. Throws UNSUPPORTED_COMPRESSION. */
  build({
    producerId = -1,
    producerEpoch = -1,
    baseSequence = -1,
    transactional = false,
    control = false,
    partitionLeaderEpoch = -1,
  }: BuildOptions = {}): Buffer {
    assert(this.#count > 0, 'a record batch without records')
    const records = compress(this.#compression, this.#buffer.subarray(layout.HEADER_BYTES, this.#position))
    const batch = Buffer.allocUnsafe(layout.HEADER_BYTES + records.length)
    records.copy(batch, layout.HEADER_BYTES)
    layout.writeInt64(batch, 0, layout.BASE_OFFSET)
    batch.writeInt32BE(batch.length - layout.LOG_OVERHEAD_BYTES, layout.BATCH_LENGTH)
    batch.writeInt32BE(partitionLeaderEpoch, layout.PARTITION_LEADER_EPOCH)
    batch.writeInt8(layout.CURRENT_MAGIC, layout.MAGIC)
    const attributes =
      compressionId(this.#compression) |
      (transactional ? layout.TRANSACTIONAL_BIT : 0) |
      (control ? layout.CONTROL_BIT : 0)
    batch.writeInt16BE(attributes, layout.ATTRIBUTES)
    batch.writeInt32BE(this.#count - 1, layout.LAST_OFFSET_DELTA)
    layout.writeInt64(batch, this.#baseTimestamp, layout.BASE_TIMESTAMP)
    layout.writeInt64(batch, this.#maxTimestamp, layout.MAX_TIMESTAMP)
    layout.writeInt64(batch, producerId, layout.PRODUCER_ID)
    batch.writeInt16BE(producerEpoch, layout.PRODUCER_EPOCH)
    batch.writeInt32BE(baseSequence, layout.BASE_SEQUENCE)
    batch.writeInt32BE(this.#count, layout.RECORD_COUNT)
    batch.writeUInt32BE(crc32c(batch, layout.ATTRIBUTES), layout.CRC)
    return batch
  }

  /** Forgets the records; what `build` gave stays as it is. */
  reset(): void {
    this.#position = layout.HEADER_BYTES
    this.#count = 0
  }

  #reserve(length: number): Buffer {
    const needed = this.#position + length
    if (needed > this.#buffer.length) {
      const next = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, needed))
      this.#buffer.copy(next, 0, 0, this.#position)
      this.#buffer = next
    }
    return this.#buffer
  }
}

const NO_TIMESTAMP = -1
const NO_HEADERS: readonly RecordHeader[] = []

function sizeOfHeaders(headers: readonly RecordHeader[]): number {
  let size = 0
  for (const { key, value } of headers) {
    const keyLength = Buffer.byteLength(key)
    size += sizeOfVarint(keyLength) + keyLength
    size += value === null ? 1 : sizeOfVarint(value.length) + value.length
  }
  return size
}

function writeHeaders(buffer: Buffer, headers: readonly RecordHeader[], start: number): number {
  let at = start
  for (const { key, value } of headers) {
    at = writeVarint(buffer, Buffer.byteLength(key), at)
    at += buffer.write(key, at)
    at = writeVarint(buffer, value === null ? -1 : value.length, at)
    if (value !== null) at += value.copy(buffer, at)
  }
  return at
}
