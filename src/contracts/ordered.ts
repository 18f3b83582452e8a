import { EvertError } from '../errors.ts'
import type { Codec } from './codec.ts'
import { boolean, double, int32, int64, refused } from './codecs.ts'

/**
 * The codec in a form whose bytes stand in the order of the values, for keys of stores that are read by ranges: numbers
 * below 0 come before the others. A codec that keeps the order by itself stays as it is. These are no bytes that other
 * Kafka clients write. Throws INVALID_ARGUMENT for a codec that has no order, such as JSON.
 *
 * @example
 * const byTemperature = keyValueStore('by-temperature', { key: ordered(double), value: string })
 */
export function ordered<T>(codec: Codec<T>): Codec<T> {
  if (codec.order === 'bytes') return codec
  const flip = FLIPS.get(codec)
  if (flip === undefined) {
    throw new EvertError(
      'INVALID_ARGUMENT',
      `The codec "${codec.name}" has no form that keeps the order of its values. Those that have one are string, ` +
        'bytes, boolean, int32, int64, double and tuple(…) over them.',
    )
  }
  return {
    name: `ordered-${codec.name}`,
    order: 'bytes',
    encode(value) {
      const bytes = codec.encode(value)
      flip(bytes, ((bytes[0] ?? 0) & 0x80) !== 0)
      return bytes
    },
    decode(slice) {
      const bytes = Buffer.from(slice)
      flip(bytes, ((bytes[0] ?? 0) & 0x80) === 0)
      return codec.decode(bytes)
    },
  }
}

/** Turns the bytes of a number into their ordered form, and back; the sign is that of the number. */
type Flip = (bytes: Buffer, isNegative: boolean) => void

/** Two's complement: the sign bit alone. */
const flipSign: Flip = bytes => {
  bytes[0] = (bytes[0] ?? 0) ^ 0x80
}

/** IEEE 754 keeps sign and magnitude: of negative numbers every bit. */
const flipFloat: Flip = (bytes, isNegative) => {
  if (!isNegative) return flipSign(bytes, isNegative)
  for (let i = 0; i < bytes.length; i++) bytes[i] = ~(bytes[i] as number)
}

const FLIPS = new Map<unknown, Flip>([
  [int32, flipSign],
  [int64, flipSign],
  [double, flipFloat],
])

/** A key of several parts, in order of the first, then of the second, and so on. */
export interface TupleCodec<P extends readonly unknown[]> extends Codec<P> {
  /** The bytes with which all keys begin that have these leading parts: the `prefix` of a range. */
  prefix(...leading: Leading<P>): Buffer
}

type Leading<P extends readonly unknown[]> = P extends readonly [infer First, ...infer Rest]
  ? [] | [First, ...Leading<Rest>]
  : []

/**
 * A codec of tuples whose bytes stand in the order of their parts. Parts are written as `ordered` does; those of no
 * fixed length end with two bytes of 0, and a 0 within them is written as 0 255. Throws INVALID_ARGUMENT for a part
 * that has no order.
 *
 * @example
 * const key = tuple(string, int64)
 * const readings = keyValueStore('readings', { key, value: double })
 * // in a processor: the readings of one sensor, latest first
 * stores.readings.entries({ prefix: key.prefix('sensor-1'), reverse: true })
 */
export function tuple<P extends readonly unknown[]>(
  ...parts: { readonly [I in keyof P]: Codec<P[I]> }
): TupleCodec<P> {
  const list = (parts as readonly Codec<unknown>[]).map(part => ({
    codec: ordered(part),
    sizeBytes: FIXED_SIZES.get(part),
  }))
  const name = `tuple(${(parts as readonly Codec<unknown>[]).map(part => part.name).join(', ')})`
  const encode = (values: readonly unknown[]): Buffer =>
    Buffer.concat(
      values.map((value, i) => {
        const part = list[i]
        if (part === undefined) throw refused(name, `it has ${values.length} parts instead of ${list.length}`)
        const bytes = part.codec.encode(value)
        return part.sizeBytes === undefined ? escaped(bytes) : bytes
      }),
    )
  return {
    name,
    order: 'bytes',
    encode(values) {
      if (values.length === list.length) return encode(values)
      throw refused(name, `it has ${values.length} parts instead of ${list.length}`)
    },
    decode(slice) {
      const values: unknown[] = []
      let at = 0
      for (const { codec, sizeBytes } of list) {
        const end = sizeBytes === undefined ? endOfEscaped(name, slice, at) : at + sizeBytes
        if (end > slice.length) throw refused(name, 'the bytes end within a part')
        const part = slice.subarray(at, end)
        values.push(codec.decode(sizeBytes === undefined ? unescaped(part) : part))
        at = sizeBytes === undefined ? end + 2 : end
      }
      if (at !== slice.length) throw refused(name, 'bytes follow the last part')
      return values as unknown as P
    },
    prefix: (...leading) => encode(leading as readonly unknown[]),
  }
}

const FIXED_SIZES = new Map<unknown, number>([
  [boolean, 1],
  [int32, 4],
  [int64, 8],
  [double, 8],
])

function escaped(bytes: Buffer): Buffer {
  let zeros = 0
  for (const byte of bytes) if (byte === 0) zeros++
  const result = Buffer.alloc(bytes.length + zeros + 2)
  let at = 0
  for (const byte of bytes) {
    result[at++] = byte
    if (byte === 0) result[at++] = 255
  }
  return result
}

function unescaped(bytes: Buffer): Buffer {
  if (!bytes.includes(0)) return bytes
  const kept: number[] = []
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    kept.push(byte)
    if (byte === 0) i++
  }
  return Buffer.from(kept)
}

function endOfEscaped(name: string, bytes: Buffer, from: number): number {
  for (let i = from; i + 1 < bytes.length; i++) {
    if (bytes[i] !== 0) continue
    if (bytes[i + 1] === 0) return i
    if (bytes[i + 1] !== 255) break
    i++
  }
  throw refused(name, 'a part of it has no end')
}
