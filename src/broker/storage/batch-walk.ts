import {
  ATTRIBUTES,
  BASE_OFFSET,
  BATCH_LENGTH,
  CRC,
  CURRENT_MAGIC,
  HEADER_BYTES,
  LAST_OFFSET_DELTA,
  LOG_OVERHEAD_BYTES,
  MAGIC,
  readInt64,
} from '../../records/batch-layout.ts'
import { crc32c } from '../../records/crc32c.ts'
import type { DiskFile } from './disk.ts'
import type { IndexEntry } from './sparse-index.ts'

const SCAN_BYTES = 1024 * 1024

/** Bytes of the batch at a position that is known to hold one. */
export function sizeAt(buffer: Buffer, at: number): number {
  return LOG_OVERHEAD_BYTES + buffer.readInt32BE(at + BATCH_LENGTH)
}

export function lastOffsetAt(buffer: Buffer, at: number): number {
  return readInt64(buffer, at + BASE_OFFSET) + buffer.readInt32BE(at + LAST_OFFSET_DELTA)
}

/** Whether the buffer holds the whole batch that begins at the position. */
export function isWholeAt(buffer: Buffer, at: number): boolean {
  if (buffer.length - at < HEADER_BYTES) return false
  const size = sizeAt(buffer, at)
  return size >= HEADER_BYTES && size <= buffer.length - at
}

/** What keeps the bytes from being the batch with this first offset, or undefined. The batch must be whole. */
export function faultAt(buffer: Buffer, at: number, expectedOffset: number): string | undefined {
  const size = sizeAt(buffer, at)
  if (buffer.readInt8(at + MAGIC) !== CURRENT_MAGIC) return `magic ${buffer.readInt8(at + MAGIC)}`
  const computed = crc32c(buffer, at + ATTRIBUTES, at + size)
  const stored = buffer.readUInt32BE(at + CRC)
  if (computed !== stored) return `checksum ${computed} where ${stored} is stored`
  const high = buffer.readInt32BE(at + BASE_OFFSET)
  const offset = high * 0x1_0000_0000 + buffer.readUInt32BE(at + BASE_OFFSET + 4)
  if (offset !== expectedOffset) return `offset ${offset} where ${expectedOffset} belongs`
  return undefined
}

/** Where a scan ended: the end of the last good batch, and what is wrong with what follows, if anything does. */
export interface ScanEnd extends IndexEntry {
  readonly fault: string | undefined
}

/** Checks the batches of a segment file from a boundary on and shows each good one, in order. */
export async function scanBatches(
  file: DiskFile,
  from: IndexEntry,
  visit: (buffer: Buffer, at: number, position: number) => void,
): Promise<ScanEnd> {
  let { offset, position } = from
  let wanted = SCAN_BYTES
  while (position < file.sizeBytes) {
    const left = file.sizeBytes - position
    const buffer = await file.read(position, Math.min(left, wanted))
    let at = 0
    for (; isWholeAt(buffer, at); at += sizeAt(buffer, at)) {
      const fault = faultAt(buffer, at, offset)
      if (fault !== undefined) return { offset, position: position + at, fault }
      visit(buffer, at, position + at)
      offset = lastOffsetAt(buffer, at) + 1
    }
    position += at
    wanted = SCAN_BYTES
    if (at > 0) continue
    if (left < HEADER_BYTES) return { offset, position, fault: `${left} bytes, too few for a batch` }
    wanted = sizeAt(buffer, 0)
    if (wanted > left || wanted < HEADER_BYTES)
      return { offset, position, fault: `a batch that claims ${wanted} bytes where ${left} are left` }
  }
  return { offset, position, fault: undefined }
}
