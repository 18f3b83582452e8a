import type { Codec } from './codec.ts'

/** Of codecs that are made anew at each call: what their values are read by. */
const readers = new WeakMap<Codec<unknown>, unknown>()

/** Says of a codec by what it reads: others of its name read the same values if they read by the same. */
export function readsBy<T>(codec: Codec<T>, reader: unknown): Codec<T> {
  readers.set(codec, reader)
  return codec
}

/**
 * Whether two codecs make the same values of the same bytes, as far as that is known: of codecs of a user's own only
 * their names are.
 */
export function decodesAlike(a: Codec<unknown>, b: Codec<unknown>): boolean {
  return a === b || (a.name === b.name && readers.get(a) === readers.get(b))
}
