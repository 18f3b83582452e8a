import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import type { ByteString } from '../state/byte-store.ts'
import { keyPart, TIME_LENGTH, timePart } from '../state/key-parts.ts'
import { readTime, TIME_BYTES, timeBytes, type TimeFirstCodec, type Windowed } from './windowed-key.ts'

/**
 * Keys of a table of sessions as its stores hold them: end, start (8 bytes each, big-endian), then the key. Sessions
 * that end at one time lie side by side, so that those that close or expire are one range.
 */
export function sessionStoreKey<K>(key: Codec<K>): TimeFirstCodec<Windowed<K>> {
  return {
    name: `session-${key.name}`,
    isTimeFirst: true,
    order: key.order,
    encode: ({ key: inner, start, end }) =>
      Buffer.concat([timeBytes(end), timeBytes(start), key.encode(inner)]),
    decode(bytes) {
      if (bytes.length < 2 * TIME_BYTES) {
        throw new EvertError(
          'MALFORMED_BYTES',
          `A session's key has ${bytes.length} bytes and no times in them.`,
        )
      }
      const inner = key.decode(bytes.subarray(2 * TIME_BYTES))
      return { key: inner, start: readTime(bytes, TIME_BYTES), end: readTime(bytes, 0) }
    },
  }
}

/** From the first record's time to the last one's, both inclusive. */
export interface SessionTimes {
  readonly start: number
  readonly end: number
}

/** The bytes of `sessionStoreKey` from the bytes of its parts. */
export function sessionStorePlace({ start, end }: SessionTimes, key: ByteString): ByteString {
  return timePart(end) + timePart(start) + key
}

/** The place in the index by key and end of a session, from its key in the store. */
export function indexPlaceOf(storeKey: ByteString): ByteString {
  return keyPart(storeKey.slice(2 * TIME_LENGTH)) + storeKey.slice(0, TIME_LENGTH)
}
