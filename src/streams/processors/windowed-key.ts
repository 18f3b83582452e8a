import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import type { ByteString } from '../state/byte-store.ts'
import { readTimePart } from '../state/key-parts.ts'

/**
 * A key within a window, ms of event time: from `start` (inclusive) to `end`, which is exclusive in tumbling and hopping
 * windows, inclusive in sliding windows and sessions, and Infinity in unlimited ones.
 */
export interface Windowed<K> {
  readonly key: K
  readonly start: number
  readonly end: number
}

export const TIME_BYTES = 8

/** A codec whose bytes begin with a time, as the keys of windows and sessions have it in their stores. */
export interface TimeFirstCodec<K> extends Codec<K> {
  readonly isTimeFirst: true
}

export function isTimeFirst(codec: Codec<unknown>): boolean {
  return 'isTimeFirst' in codec
}

/**
 * Keys of a table of windows as its stores hold them: start (8 bytes, big-endian), then the key. The windows of one
 * time lie side by side, so that those that close or expire are one range.
 */
export function windowStoreKey<K>(key: Codec<K>, sizeMs: number): TimeFirstCodec<Windowed<K>> {
  return {
    // The size is not in the bytes: it is part of the format.
    name: `window-${sizeMs}-${key.name}`,
    isTimeFirst: true,
    order: key.order,
    encode: windowed => Buffer.concat([timeBytes(windowed.start), key.encode(windowed.key)]),
    decode(bytes) {
      if (bytes.length < TIME_BYTES) throw malformed(bytes)
      const start = readTime(bytes, 0)
      return { key: key.decode(bytes.subarray(TIME_BYTES)), start, end: start + sizeMs }
    },
  }
}

/** The same bytes of windows that include their end: those of tumbling windows would be read with another end. */
export function slidingStoreKey<K>(key: Codec<K>, sizeMs: number): TimeFirstCodec<Windowed<K>> {
  return { ...windowStoreKey(key, sizeMs), name: `sliding-${sizeMs}-${key.name}` }
}

/** Windowed keys in topics, as Kafka Streams writes them (TimeWindowedSerializer): the key, then start. */
export function windowed<K>(key: Codec<K>, options: { sizeMs: number }): Codec<Windowed<K>> {
  return {
    name: `windowed-${key.name}`,
    encode: ({ key: inner, start }) => Buffer.concat([key.encode(inner), timeBytes(start)]),
    decode(bytes) {
      if (bytes.length < TIME_BYTES) throw malformed(bytes)
      const start = readTime(bytes, bytes.length - TIME_BYTES)
      const inner = key.decode(bytes.subarray(0, bytes.length - TIME_BYTES))
      return { key: inner, start, end: start + options.sizeMs }
    },
  }
}

/** The bytes of `windowStoreKey` from the bytes of its parts. */
export function windowStoreKeyBytes(start: number, key: Buffer): Buffer {
  return Buffer.concat([timeBytes(start), key])
}

/** Where rows whose keys begin with `timeMs` or a later time begin in a store. */
export function fromStart(timeMs: number): ByteString {
  return timeBytes(Math.max(0, timeMs)).toString('latin1')
}

/**
 * The place of a key and a time in an index by key: length of the key (4 bytes), the key, the time. The times of one
 * key lie side by side, in order.
 */
export function keyIndexPlace(key: Buffer, timeMs: number): Buffer {
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32BE(key.length)
  return Buffer.concat([length, key, timeBytes(Math.max(0, timeMs))])
}

/** The time that a place begins with; Infinity for no place. */
export function timeOf(place: ByteString | undefined): number {
  return place === undefined ? Infinity : readTimePart(place, 0)
}

/** The time in a place of an index by key. */
export function timeOfPlace(place: ByteString): number {
  return readTime(Buffer.from(place.slice(-TIME_BYTES), 'latin1'), 0)
}

export function timeBytes(timeMs: number): Buffer {
  const bytes = Buffer.allocUnsafe(TIME_BYTES)
  bytes.writeUInt32BE(Math.floor(timeMs / 2 ** 32), 0)
  bytes.writeUInt32BE(timeMs >>> 0, 4)
  return bytes
}

export function readTime(bytes: Buffer, offset: number): number {
  return bytes.readUInt32BE(offset) * 2 ** 32 + bytes.readUInt32BE(offset + 4)
}

function malformed(bytes: Buffer): EvertError {
  return new EvertError('MALFORMED_BYTES', `A windowed key has ${bytes.length} bytes and no time in them.`)
}
