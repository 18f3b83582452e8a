import { malformed } from './malformed.ts'

/*
 * Varints: seven bits a byte, least significant first, the top bit set on all but the last byte. Signed values are
 * zigzag-coded first (0, -1, 1, -2 … become 0, 1, 2, 3 …). A 32-bit value takes up to 5 bytes, a 64-bit value up
 * to 10, and is understood within ±2^53.
 */

/** Position after the varint read last. A second result without an object per call: reading is the hot path. */
export let varintEnd = 0

/** Reads a signed 32-bit varint that must end before `limit`. */
export function readVarint(bytes: Buffer, at: number, limit: number): number {
  let value = 0
  let position = at
  for (let shift = 0; shift < 35 && position < limit; shift += 7) {
    const byte = bytes[position++] as number
    // The shift drops what a fifth byte holds beyond 32 bits, so that is checked.
    if (shift === 28 && byte > 0x0f) break
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      varintEnd = position
      return (value >>> 1) ^ -(value & 1)
    }
  }
  throw malformed(`no 32-bit varint at byte ${at}`)
}

/** Reads a signed 64-bit varint, exact within ±2^53, that must end before `limit`. */
export function readVarlong(bytes: Buffer, at: number, limit: number): number {
  let low = 0
  let position = at
  for (let shift = 0; shift < 28; shift += 7) {
    if (position >= limit) throw malformed(`no 64-bit varint at byte ${at}`)
    const byte = bytes[position++] as number
    low |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      varintEnd = position
      return (low >>> 1) ^ -(low & 1)
    }
  }
  // Summed without its sign bit, so that all 53 bits are exact.
  let magnitude = low >>> 1
  for (let scale = 2 ** 27; scale < 2 ** 63 && position < limit; scale *= 128) {
    const byte = bytes[position++] as number
    magnitude += (byte & 0x7f) * scale
    if (byte < 0x80) {
      const value = (low & 1) === 0 ? magnitude : -magnitude - 1
      if (!Number.isSafeInteger(value)) break
      varintEnd = position
      return value
    }
  }
  throw malformed(`no 64-bit varint within 2^53 at byte ${at}`)
}

/** Writes a signed 32-bit varint and returns the position after it. */
export function writeVarint(bytes: Buffer, value: number, at: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  let position = at
  while (rest > 0x7f) {
    bytes[position++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[position++] = rest
  return position
}

/** Writes a safe integer as a signed 64-bit varint and returns the position after it. */
export function writeVarlong(bytes: Buffer, value: number, at: number): number {
  if (value === (value | 0)) return writeVarint(bytes, value, at)
  // Zigzag without doubling, which would lose the 54th bit: the sign goes below the first six bits.
  const magnitude = value < 0 ? -value - 1 : value
  let position = at
  bytes[position++] = 0x80 | ((magnitude % 64) << 1) | (value < 0 ? 1 : 0)
  let rest = Math.floor(magnitude / 64)
  while (rest > 0x7f) {
    bytes[position++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  bytes[position++] = rest
  return position
}

/** Bytes that `writeVarint` takes. */
export function sizeOfVarint(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  if (zigzag < 0x80) return 1
  if (zigzag < 0x4000) return 2
  if (zigzag < 0x20_0000) return 3
  return zigzag < 0x1000_0000 ? 4 : 5
}

/** Bytes that `writeVarlong` takes. */
export function sizeOfVarlong(value: number): number {
  if (value === (value | 0)) return sizeOfVarint(value)
  let rest = Math.floor((value < 0 ? -value - 1 : value) / 64)
  let size = 2
  while (rest > 0x7f) {
    rest = Math.floor(rest / 128)
    size++
  }
  return size
}
