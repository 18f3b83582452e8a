import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { ByteString } from '../state/byte-store.ts'

export interface KeyBounds<K> {
  /** The first key, inclusive. */
  readonly from?: K
  /** The last key, inclusive. */
  readonly to?: K
}

export interface StoreRange<K> extends KeyBounds<K> {
  /** Only keys whose bytes begin so; text stands for its UTF-8 bytes. Not together with from and to. */
  readonly prefix?: string | Buffer
  /** From the last to the first. */
  readonly reverse?: boolean
}

export interface ByteRange {
  /** Inclusive. */
  readonly from: ByteString | undefined
  /** Exclusive. */
  readonly to: ByteString | undefined
}

/**
 * The keys of a store that a processor asks for, in bytes. Throws INVALID_ARGUMENT when the bounds have no meaning in
 * the order of bytes.
 */
export function byteRange<K>(store: string, key: Codec<K>, { from, to, prefix }: StoreRange<K>): ByteRange {
  if (prefix === undefined) return boundsRange(store, key, { from, to } as KeyBounds<K>)
  if (from !== undefined || to !== undefined) {
    throw new EvertError(
      'INVALID_ARGUMENT',
      `A range of the store "${store}" has both a prefix and bounds. Give the prefix alone, or from and to.`,
    )
  }
  return prefixRange(latin1Slice(typeof prefix === 'string' ? Buffer.from(prefix) : prefix))
}

export function boundsRange<K>(store: string, key: Codec<K>, { from, to }: KeyBounds<K>): ByteRange {
  return {
    from: from === undefined ? undefined : bytesOfBound(store, key, from),
    to: to === undefined ? undefined : `${bytesOfBound(store, key, to)}\0`,
  }
}

/** Ends below the least key that is above all that begin so; bytes of 255 at its end have nothing above them. */
export function prefixRange(prefix: ByteString): ByteRange {
  let last = prefix.length - 1
  while (last >= 0 && prefix.charCodeAt(last) === 255) last--
  if (last < 0) return { from: prefix, to: undefined }
  return { from: prefix, to: prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1) }
}

function bytesOfBound<K>(store: string, key: Codec<K>, bound: K): ByteString {
  if (key.order === undefined) {
    throw new EvertError(
      'INVALID_ARGUMENT',
      `The store "${store}" has no ranges from and to: its key codec "${key.name}" does not keep the order of values ` +
        'in its bytes. Use string, bytes, boolean, int32, int64 or double, or ordered(…) and tuple(…) over them; a ' +
        'codec of your own that keeps the order says so with order: "bytes".',
    )
  }
  if (key.order === 'nonNegative' && typeof bound === 'number' && (bound < 0 || Object.is(bound, -0))) {
    throw new EvertError(
      'INVALID_ARGUMENT',
      `A range of the store "${store}" has the bound ${bound}: in the bytes of the codec "${key.name}" numbers below ` +
        '0 stand behind all others. Declare the store with ordered(…) around the codec, which puts them in order.',
    )
  }
  return latin1Slice(key.encode(bound))
}
