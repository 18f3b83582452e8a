import * as layout from './batch-layout.ts'
import type { RecordHeader } from './record-columns.ts'
import { sizeOfVarint } from './varint.ts'

/** Bytes of an uncompressed batch that has this record alone. */
export function sizeOfRecordBatch(
  key: Buffer | null,
  value: Buffer | null,
  headers: readonly RecordHeader[],
): number {
  // Attributes, and the deltas of timestamp and offset, which are 0 in a batch of one.
  let size = 3 + sizeOfBytes(key) + sizeOfBytes(value) + sizeOfVarint(headers.length)
  for (const header of headers) {
    const keyLength = Buffer.byteLength(header.key)
    size += sizeOfVarint(keyLength) + keyLength + sizeOfBytes(header.value)
  }
  return layout.HEADER_BYTES + sizeOfVarint(size) + size
}

function sizeOfBytes(bytes: Buffer | null): number {
  return bytes === null ? 1 : sizeOfVarint(bytes.length) + bytes.length
}
