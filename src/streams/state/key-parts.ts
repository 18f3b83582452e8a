import { latin1Slice } from '../../internal/latin1.ts'
import type { ByteString } from './byte-store.ts'

/*
 * Parts of composite store keys, made as strings at once: a key is put together and compared without a buffer.
 * Byte order of the parts is the order of the numbers.
 */

export const TIME_LENGTH = 8

/** Eight bytes, big-endian; times below 0 are 0. */
export function timePart(timeMs: number): ByteString {
  if (timeMs <= 0) return '\0\0\0\0\0\0\0\0'
  const high = Math.floor(timeMs / 0x1_0000_0000)
  const low = timeMs % 0x1_0000_0000
  return String.fromCharCode(
    0,
    (high >>> 16) & 0xff,
    (high >>> 8) & 0xff,
    high & 0xff,
    low >>> 24,
    (low >>> 16) & 0xff,
    (low >>> 8) & 0xff,
    low & 0xff,
  )
}

export function readTimePart(key: ByteString, at: number): number {
  const high = (key.charCodeAt(at + 1) << 16) | (key.charCodeAt(at + 2) << 8) | key.charCodeAt(at + 3)
  const low =
    key.charCodeAt(at + 4) * 0x100_0000 +
    ((key.charCodeAt(at + 5) << 16) | (key.charCodeAt(at + 6) << 8) | key.charCodeAt(at + 7))
  return high * 0x1_0000_0000 + low
}

/** The key with its length in front (4 bytes): no such part is the beginning of another. */
export function keyPart(key: ByteString): ByteString {
  const { length } = key
  return (
    String.fromCharCode(length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff) + key
  )
}

const double = Buffer.allocUnsafeSlow(8)

/** Eight bytes in the order of the numbers (IEEE 754; -0 is 0), or from the greatest to the least. Not for NaN. */
export function numberPart(value: number, descending: boolean): ByteString {
  double.writeDoubleBE(value + 0)
  // Negative numbers order by magnitude the wrong way round, and above the positive ones.
  const isNegative = (double[0] as number) >= 0x80
  const flipped = isNegative !== descending ? 0xff : 0
  for (let i = 0; i < 8; i++) double[i] = (double[i] as number) ^ flipped
  if (!isNegative) double[0] = (double[0] as number) ^ 0x80
  return latin1Slice(double)
}
