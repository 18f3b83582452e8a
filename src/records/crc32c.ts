import { crc32c as nativeCrc32c } from '@node-rs/crc32'

/** The CRC-32C (Castagnoli) of a range of bytes, as an unsigned number: the checksum of record batches. */
export function crc32c(buffer: Buffer, start = 0, end = buffer.length): number {
  return nativeCrc32c(start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end))
}
