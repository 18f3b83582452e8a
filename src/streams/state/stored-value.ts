import type { StoredValue } from './store.ts'

/**
 * A store's value on disk (Kafka Streams: ValueAndTimestamp).
 *
 *   | offset | bytes | what                              |
 *   |--------|-------|-----------------------------------|
 *   | 0      | 8     | timestamp, ms, signed, big endian |
 *   | 8      | …     | the value as its codec wrote it   |
 */
const TIMESTAMP = 0
const VALUE = TIMESTAMP + 8

const TWO_32 = 0x1_0000_0000

export function readTimestamp(stored: Buffer): number {
  return stored.readInt32BE(TIMESTAMP) * TWO_32 + stored.readUInt32BE(TIMESTAMP + 4)
}

/** A view of the value's bytes. */
export function valueBytes(stored: Buffer): Buffer {
  return stored.subarray(VALUE)
}

export function decodeStored<V>(stored: Buffer, codec: { decode(bytes: Buffer): V }): StoredValue<V> {
  return { value: codec.decode(stored.subarray(VALUE)), timestamp: readTimestamp(stored) }
}

/** Puts timestamp and value together in one buffer that the next call overwrites. */
export class StoredValueWriter {
  #buffer = Buffer.allocUnsafeSlow(256)
  #view: Buffer = this.#buffer

  write(timestamp: number, value: Buffer): Buffer {
    const length = VALUE + value.length
    if (length > this.#buffer.length) this.#view = this.#buffer = Buffer.allocUnsafeSlow(length * 2)
    const buffer = this.#buffer
    const high = Math.floor(timestamp / TWO_32)
    buffer.writeInt32BE(high, TIMESTAMP)
    buffer.writeUInt32BE(timestamp - high * TWO_32, TIMESTAMP + 4)
    buffer.set(value, VALUE)
    // Values of a store often have one length: the view is then made once.
    if (this.#view.length !== length) this.#view = buffer.subarray(0, length)
    return this.#view
  }
}
