import type { Codec } from '../contracts/codec.ts'

/** Freezes plain objects and arrays all the way down; bytes and other class instances stay as they are. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return value
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
  return value
}

const frozen = new WeakMap<Codec<unknown>, Codec<unknown>>()

/** The codec with frozen results; one object per codec, so that bytes still move between equal codecs. */
export function freezing(codec: Codec<unknown>): Codec<unknown> {
  let wrapped = frozen.get(codec)
  if (wrapped === undefined) {
    wrapped = {
      name: codec.name,
      encode: value => codec.encode(value),
      decode: bytes => deepFreeze(codec.decode(bytes)),
    }
    frozen.set(codec, wrapped)
  }
  return wrapped
}
