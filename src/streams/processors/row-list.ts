import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'

/** Several rows as one value: each with its length (4 bytes, big-endian) in front. */
export function rowList<V>(row: Codec<V>): Codec<readonly V[]> {
  return {
    name: `list-${row.name}`,
    encode(rows) {
      const parts: Buffer[] = []
      for (const each of rows) {
        const bytes = row.encode(each)
        const length = Buffer.allocUnsafe(4)
        length.writeUInt32BE(bytes.length)
        parts.push(length, bytes)
      }
      return Buffer.concat(parts)
    },
    decode(bytes) {
      const rows: V[] = []
      for (let at = 0; at < bytes.length; ) {
        const from = at + 4
        const to = from > bytes.length ? Infinity : from + bytes.readUInt32BE(at)
        if (to > bytes.length) {
          throw new EvertError('MALFORMED_BYTES', `A list of rows is cut off after ${bytes.length} bytes.`)
        }
        rows.push(row.decode(bytes.subarray(from, to)))
        at = to
      }
      return rows
    },
  }
}

/** A row, and how many there are like it. */
export interface CountedRow {
  readonly value: unknown
  readonly count: number
}

/** The count (4 bytes, big-endian), then the row. */
export function countedRow(row: Codec<unknown>): Codec<CountedRow> {
  return {
    name: `counted-${row.name}`,
    encode({ value, count }) {
      const prefix = Buffer.allocUnsafe(4)
      prefix.writeUInt32BE(count)
      return Buffer.concat([prefix, row.encode(value)])
    },
    decode: bytes => ({ count: bytes.readUInt32BE(0), value: row.decode(bytes.subarray(4)) }),
  }
}
