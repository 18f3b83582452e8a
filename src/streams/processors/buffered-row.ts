import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import type { RecordHeader } from '../../records/record-batch.ts'

/** A change of a table that waits in a buffer: its new value, null for a deletion, and its record's headers. */
export interface BufferedRow {
  readonly value: unknown
  readonly headers: readonly RecordHeader[]
}

/**
 * A buffered row as stores hold it. All numbers are big-endian and of 4 bytes.
 *
 *   | field                                            | bytes |
 *   |--------------------------------------------------|-------|
 *   | number of headers                                | 4     |
 *   | each header: length of the key; the key, UTF-8   | 4 + … |
 *   |   length of the value, -1 for null; the value    | 4 + … |
 *   | 1 when there is a value, 0 for a deletion        | 1     |
 *   | the value as its codec wrote it                  | …     |
 */
export function bufferedRow(value: Codec<unknown>): Codec<BufferedRow> {
  return {
    name: `buffered-${value.name}`,
    encode(row) {
      const parts: Buffer[] = [int32(row.headers.length)]
      for (const header of row.headers) {
        const key = Buffer.from(header.key)
        parts.push(int32(key.length), key, int32(header.value?.length ?? NULL))
        if (header.value !== null) parts.push(header.value)
      }
      parts.push(row.value === null ? DELETION : VALUE)
      if (row.value !== null) parts.push(value.encode(row.value))
      return Buffer.concat(parts)
    },
    decode(bytes) {
      const reader = new RowReader(bytes)
      const headers: RecordHeader[] = []
      for (let left = reader.int32(); left > 0; left--) {
        const key = reader.take(reader.int32()).toString()
        const length = reader.int32()
        headers.push({ key, value: length === NULL ? null : Buffer.from(reader.take(length)) })
      }
      const hasValue = reader.take(1)[0] === 1
      return { value: hasValue ? value.decode(reader.rest()) : null, headers }
    },
  }
}

const NULL = -1
const DELETION = Buffer.of(0)
const VALUE = Buffer.of(1)

export function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}

/** Reads a row's parts in order. Throws MALFORMED_BYTES. */
export class RowReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int32(): number {
    return this.take(4).readInt32BE(0)
  }

  /** A view. */
  take(length: number): Buffer {
    const end = this.#at + length
    if (length < 0 || end > this.#bytes.length) {
      throw new EvertError('MALFORMED_BYTES', `A buffered row of ${this.#bytes.length} bytes is cut short.`)
    }
    const view = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return view
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at)
  }
}
