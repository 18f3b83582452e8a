import { malformed } from './malformed.ts'

/*
 * A record batch of magic 2, big endian:
 *
 *   at  size  field
 *    0     8  base offset              assigned by the broker; not under the checksum
 *    8     4  batch length             bytes that follow this field
 *   12     4  partition leader epoch   assigned by the broker; not under the checksum
 *   16     1  magic                    2
 *   17     4  CRC-32C                  of all bytes from the attributes to the end
 *   21     2  attributes               bits 0-2 compression, 3 log append time, 4 transactional, 5 control
 *   23     4  last offset delta
 *   27     8  base timestamp           ms
 *   35     8  max timestamp            ms; with log append time the timestamp of every record
 *   43     8  producer id              -1: none
 *   51     2  producer epoch           -1: none
 *   53     4  base sequence            -1: none
 *   57     4  record count
 *   61     …  the records, compressed together
 */
export const BASE_OFFSET = 0
export const BATCH_LENGTH = BASE_OFFSET + 8
export const PARTITION_LEADER_EPOCH = BATCH_LENGTH + 4
export const MAGIC = PARTITION_LEADER_EPOCH + 4
export const CRC = MAGIC + 1
export const ATTRIBUTES = CRC + 4
export const LAST_OFFSET_DELTA = ATTRIBUTES + 2
export const BASE_TIMESTAMP = LAST_OFFSET_DELTA + 4
export const MAX_TIMESTAMP = BASE_TIMESTAMP + 8
export const PRODUCER_ID = MAX_TIMESTAMP + 8
export const PRODUCER_EPOCH = PRODUCER_ID + 8
export const BASE_SEQUENCE = PRODUCER_EPOCH + 2
export const RECORD_COUNT = BASE_SEQUENCE + 4
/** Where the records begin. */
export const HEADER_BYTES = RECORD_COUNT + 4

/** What the batch length does not count: the base offset and itself. */
export const LOG_OVERHEAD_BYTES = PARTITION_LEADER_EPOCH
export const CURRENT_MAGIC = 2

export const COMPRESSION_MASK = 0b111
export const LOG_APPEND_TIME_BIT = 1 << 3
export const TRANSACTIONAL_BIT = 1 << 4
export const CONTROL_BIT = 1 << 5

/** Exact up to 2^53; throws MALFORMED_BYTES beyond. */
export function readInt64(buffer: Buffer, at: number): number {
  const value = buffer.readInt32BE(at) * 0x1_0000_0000 + buffer.readUInt32BE(at + 4)
  if (!Number.isSafeInteger(value)) throw malformed(`int64 ${value} is beyond 2^53`)
  return value
}

/** The value must be a safe integer. */
export function writeInt64(buffer: Buffer, value: number, at: number): void {
  buffer.writeInt32BE(Math.floor(value / 0x1_0000_0000), at)
  buffer.writeUInt32BE(value >>> 0, at + 4)
}
