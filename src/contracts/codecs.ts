import { isUtf8 } from 'node:buffer'
import type { Codec } from './codec.ts'
import { describeValue, InvalidValueError } from './schema.ts'

/** UTF-8 text (Kafka: StringSerializer). Lone surrogates and bytes that are not UTF-8 are refused, never replaced. */
export const string: Codec<string> = {
  name: 'string',
  order: 'bytes',
  encode(value) {
    if (typeof value !== 'string') throw wrongType('string', 'a string', value)
    if (!value.isWellFormed())
      throw refused('string', 'the text has a lone surrogate, which UTF-8 cannot carry')
    return Buffer.from(value, 'utf8')
  },
  decode(bytes) {
    return utf8Text('string', bytes)
  },
}

/** Bytes as they are (Kafka: ByteArraySerializer). Decoding copies. */
export const bytes: Codec<Buffer> = {
  name: 'bytes',
  order: 'bytes',
  encode(value) {
    if (!(value instanceof Uint8Array)) throw wrongType('bytes', 'a Buffer', value)
    return Buffer.isBuffer(value) ? value : Buffer.from(value)
  },
  decode(slice) {
    return Buffer.from(slice)
  },
}

/** Whole numbers of 4 bytes, big-endian (Kafka: IntegerSerializer). */
export const int32: Codec<number> = {
  name: 'int32',
  order: 'nonNegative',
  encode(value) {
    if (typeof value !== 'number' || (value | 0) !== value) {
      throw wrongType('int32', 'a whole number from -2147483648 to 2147483647', value)
    }
    const encoded = Buffer.allocUnsafe(4)
    encoded.writeInt32BE(value)
    return encoded
  },
  decode(slice) {
    assertLength('int32', slice, 4)
    return slice.readInt32BE()
  },
}

const TWO_TO_32 = 2 ** 32

/**
 * Whole numbers of 8 bytes, big-endian (Kafka: LongSerializer), as JavaScript numbers: beyond ±(2^53 − 1) they would
 * lose digits, so both directions refuse them.
 */
export const int64: Codec<number> = {
  name: 'int64',
  order: 'nonNegative',
  encode(value) {
    if (!Number.isSafeInteger(value)) {
      throw wrongType('int64', 'a whole number from -(2^53 - 1) to 2^53 - 1', value)
    }
    const encoded = Buffer.allocUnsafe(8)
    encoded.writeInt32BE(Math.floor(value / TWO_TO_32), 0)
    encoded.writeUInt32BE(value >>> 0, 4)
    return encoded
  },
  decode(slice) {
    assertLength('int64', slice, 8)
    const value = slice.readInt32BE(0) * TWO_TO_32 + slice.readUInt32BE(4)
    if (Number.isSafeInteger(value)) return value
    throw refused('int64', `the number ${slice.readBigInt64BE()} is beyond 2^53 - 1 and would lose digits`)
  },
}

/** Floating point numbers of 8 bytes, big-endian IEEE 754 (Kafka: DoubleSerializer). NaN and infinities pass. */
export const double: Codec<number> = {
  name: 'double',
  order: 'nonNegative',
  encode(value) {
    if (typeof value !== 'number') throw wrongType('double', 'a number', value)
    const encoded = Buffer.allocUnsafe(8)
    encoded.writeDoubleBE(value)
    return encoded
  },
  decode(slice) {
    assertLength('double', slice, 8)
    return slice.readDoubleBE()
  },
}

/** One byte, 0 or 1 (Kafka: BooleanSerializer). */
export const boolean: Codec<boolean> = {
  name: 'boolean',
  order: 'bytes',
  encode(value) {
    if (typeof value !== 'boolean') throw wrongType('boolean', 'a boolean', value)
    return Buffer.from([value ? 1 : 0])
  },
  decode(slice) {
    assertLength('boolean', slice, 1)
    const byte = slice[0]
    if (byte === 0 || byte === 1) return byte === 1
    throw refused('boolean', `the byte is ${byte}, and only 0 and 1 are booleans`)
  },
}

const REPLACEMENT = '\ufffd'

/** The text of UTF-8 bytes; throws INVALID_VALUE where a plain toString would put replacement characters. */
export function utf8Text(codec: string, slice: Buffer): string {
  const text = slice.toString('utf8')
  // Only a text with the replacement character can come from bad bytes; for all others this search is the only cost.
  if (text.includes(REPLACEMENT) && !isUtf8(slice)) throw refused(codec, 'the bytes are not UTF-8 text')
  return text
}

function assertLength(codec: string, slice: Buffer, length: number): void {
  if (slice.length !== length) {
    throw refused(
      codec,
      `${length} ${length === 1 ? 'byte was' : 'bytes were'} expected and ${slice.length} found`,
    )
  }
}

function wrongType(codec: string, expected: string, value: unknown): InvalidValueError {
  return refused(codec, `${expected} was expected and ${describeValue(value)} found`)
}

export function refused(codec: string, reason: string, cause?: unknown): InvalidValueError {
  return new InvalidValueError(
    `The codec "${codec}" refuses the value: ${reason}.`,
    [{ field: '', message: reason }],
    cause,
  )
}
