import { EvertError } from '../errors.ts'
import type { ByteString } from '../streams/state/byte-store.ts'
import { type FieldValue, OTHER } from './field-value.ts'

/*
 * An index entry is the encoded field value followed by the row's key, so entries stand in order of value, then key.
 *
 *   null     01
 *   false    02            true  03
 *   number   04, 8 bytes   IEEE 754 big-endian; sign bit flipped when positive, all bits when negative; -0 is 0
 *   string   05, bytes, 00 each code unit as UTF-8 would write it alone (so the order is JavaScript's own),
 *                          with 00 as 01 01 and 01 as 01 02
 *            05, 200 bytes, ff when there are more than 200 bytes: such values tie, and readers look at the row
 *   other    06
 *
 * Every value is a prefix code: no encoding is the beginning of another.
 */
const NULL = '\x01'
const FALSE = '\x02'
const TRUE = '\x03'
const NUMBER = '\x04'
const STRING = '\x05'
const OTHER_TAG = '\x06'

const NUMBER_END = 9
const STRING_LIMIT = 200
const STRING_END = '\x00'
const CUT = '\xff'

/** Throws INVALID_ARGUMENT for NaN, which has no place in an order. */
export function encodeFieldValue(value: FieldValue): ByteString {
  switch (typeof value) {
    case 'boolean':
      return value ? TRUE : FALSE
    case 'number':
      return NUMBER + encodeNumber(value)
    case 'string':
      return STRING + encodeString(value)
    default:
      return value === OTHER ? OTHER_TAG : NULL
  }
}

/** The encoded value at the front of an entry. */
export function valueOfEntry(entry: ByteString): ByteString {
  return entry.slice(0, valueLength(entry))
}

/** The row's key at the end of an entry. */
export function keyOfEntry(entry: ByteString): ByteString {
  return entry.slice(valueLength(entry))
}

/** True when the encoding stands for every value with the same first bytes. */
export function isCut(encoded: ByteString): boolean {
  return encoded[0] === STRING && encoded.length === STRING_LIMIT + 2 && encoded.endsWith(CUT)
}

/** The first byte string after all that begin with `prefix`; undefined when there is none. */
export function afterPrefix(prefix: ByteString): ByteString | undefined {
  let end = prefix.length
  while (end > 0 && prefix.charCodeAt(end - 1) === 0xff) end--
  if (end === 0) return undefined
  return prefix.slice(0, end - 1) + String.fromCharCode(prefix.charCodeAt(end - 1) + 1)
}

/** The encodings of all values of the same type: from inclusive, to exclusive. */
export function typeRange(encoded: ByteString): readonly [ByteString, ByteString] {
  const tag = encoded.charCodeAt(0)
  const first = tag === TRUE.charCodeAt(0) ? tag - 1 : tag
  const last = tag === FALSE.charCodeAt(0) ? tag + 1 : tag
  return [String.fromCharCode(first), String.fromCharCode(last + 1)]
}

function valueLength(entry: ByteString): number {
  switch (entry[0]) {
    case NUMBER:
      return NUMBER_END
    case STRING: {
      const end = entry.indexOf(STRING_END, 1)
      return end >= 0 && end <= STRING_LIMIT + 1 ? end + 1 : STRING_LIMIT + 2
    }
    default:
      return 1
  }
}

const numberBytes = Buffer.alloc(8)

function encodeNumber(value: number): ByteString {
  if (Number.isNaN(value)) throw new EvertError('INVALID_ARGUMENT', 'NaN has no place in an order.')
  // Adding 0 turns -0 into 0.
  numberBytes.writeDoubleBE(value + 0)
  const high = numberBytes.readUInt32BE(0)
  if (high >= 0x80000000) {
    numberBytes.writeUInt32BE(~high >>> 0, 0)
    numberBytes.writeUInt32BE(~numberBytes.readUInt32BE(4) >>> 0, 4)
  } else numberBytes.writeUInt32BE((high | 0x80000000) >>> 0, 0)
  return numberBytes.toString('latin1')
}

const PLAIN = /^[ -~]*$/

function encodeString(value: string): ByteString {
  const encoded = PLAIN.test(value) ? value : encodeUnits(value)
  return encoded.length > STRING_LIMIT ? encoded.slice(0, STRING_LIMIT) + CUT : encoded + STRING_END
}

function encodeUnits(value: string): ByteString {
  let encoded = ''
  // What lies beyond the limit is cut anyway.
  const end = Math.min(value.length, STRING_LIMIT + 1)
  for (let i = 0; i < end; i++) {
    const unit = value.charCodeAt(i)
    if (unit < 0x02) encoded += unit === 0 ? '\x01\x01' : '\x01\x02'
    else if (unit < 0x80) encoded += String.fromCharCode(unit)
    else if (unit < 0x800) encoded += String.fromCharCode(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f))
    else {
      encoded += String.fromCharCode(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f))
    }
  }
  return encoded
}
