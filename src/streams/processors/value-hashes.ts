import type { Codec } from '../../contracts/codec.ts'
import { hashOf } from './foreign-key-messages.ts'

const hashes = new WeakMap<Codec<unknown>, ValueHashes>()

/**
 * Hashes of values that are written by one codec. A value is an object that nobody changes and that its store hands out
 * again, so its hash is made once: encoding it anew for each answer was a fifth of a foreign-key join.
 */
export class ValueHashes {
  readonly #codec: Codec<unknown>
  readonly #known = new WeakMap<object, Buffer>()

  constructor(codec: Codec<unknown>) {
    this.#codec = codec
  }

  /** Of the value and not of the bytes it came in: another writer may have spelled the same value differently. */
  of(value: unknown): Buffer {
    if (typeof value !== 'object' || value === null) return hashOf(this.#codec.encode(value))
    let hash = this.#known.get(value)
    if (hash === undefined) {
      hash = hashOf(this.#codec.encode(value))
      this.#known.set(value, hash)
    }
    return hash
  }
}

/** One for each codec: what a subscription hashed is known when its answer comes. */
export function hashesOf(codec: Codec<unknown>): ValueHashes {
  let found = hashes.get(codec)
  if (found === undefined) {
    found = new ValueHashes(codec)
    hashes.set(codec, found)
  }
  return found
}
