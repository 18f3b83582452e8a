import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import type { RecordHeader } from '../../records/record-batch.ts'

/** What of a record waits in a store; its key and time are in the entry's key. */
export interface DelayedRecord {
  readonly value: unknown
  readonly headers: readonly RecordHeader[]
}

const NO_HEADERS: readonly RecordHeader[] = []
const NULL = -1

/**
 *   | bytes | what                                                                      |
 *   |-------|---------------------------------------------------------------------------|
 *   | 4     | number of headers                                                         |
 *   | 4, …  | per header the length of its key and the key in UTF-8, then              |
 *   | 4, …  | the length of its value (-1: null) and the value                          |
 *   | …     | the record's value                                                        |
 */
export function delayedRecordCodec(value: Codec<unknown>): Codec<DelayedRecord> {
  return {
    name: `delayed-${value.name}`,
    encode(record) {
      const parts = [int32Bytes(record.headers.length)]
      for (const header of record.headers) {
        const key = Buffer.from(header.key)
        parts.push(
          int32Bytes(key.length),
          key,
          int32Bytes(header.value === null ? NULL : header.value.length),
        )
        if (header.value !== null) parts.push(header.value)
      }
      parts.push(value.encode(record.value))
      return Buffer.concat(parts)
    },
    decode(bytes) {
      const reader = new Reader(bytes)
      const count = reader.int32()
      const headers: RecordHeader[] = []
      for (let i = 0; i < count; i++) {
        const key = reader.bytes(reader.int32()).toString()
        const length = reader.int32()
        // The store's buffer is only lent.
        headers.push({ key, value: length === NULL ? null : Buffer.from(reader.bytes(length)) })
      }
      return { headers: count === 0 ? NO_HEADERS : headers, value: value.decode(reader.rest()) }
    },
  }
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int32(): number {
    return this.bytes(4).readInt32BE()
  }

  bytes(length: number): Buffer {
    const end = this.#at + length
    if (length < 0 || end > this.#bytes.length) {
      throw new EvertError('MALFORMED_BYTES', 'A record that waits for its join ends within a header.')
    }
    const slice = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return slice
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at)
  }
}

function int32Bytes(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}
