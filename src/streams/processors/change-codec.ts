import { EvertError } from '../../errors.ts'
import type { Codec } from '../../contracts/codec.ts'
import type { StreamRecord } from './stream-record.ts'

/*
 * A table's change in a repartition topic, byte for byte as Kafka Streams writes it (ChangedSerializer, KIP-904):
 *
 *   new value only    new value bytes, 1
 *   old value only    old value bytes, 0
 *   both              length of the new value (zigzag varint), new value bytes, old value bytes, 2
 */
const OLD_ONLY = 0
const NEW_ONLY = 1
const BOTH = 2

export function encodeChange(record: StreamRecord, codec: Codec<unknown>): Buffer | null {
  const { value, old } = record
  if (value !== null && old !== null) {
    const newBytes = value.bytesAs(codec)
    return Buffer.concat([zigzagVarint(newBytes.length), newBytes, old.bytesAs(codec), Buffer.of(BOTH)])
  }
  if (value !== null) return Buffer.concat([value.bytesAs(codec), Buffer.of(NEW_ONLY)])
  if (old !== null) return Buffer.concat([old.bytesAs(codec), Buffer.of(OLD_ONLY)])
  return null
}

export interface ChangeBytes {
  readonly value: Buffer | null
  readonly old: Buffer | null
}

/** Slices of `bytes`. Throws MALFORMED_BYTES. */
export function decodeChange(bytes: Buffer): ChangeBytes {
  const end = bytes.length - 1
  switch (bytes[end]) {
    case NEW_ONLY:
      return { value: bytes.subarray(0, end), old: null }
    case OLD_ONLY:
      return { value: null, old: bytes.subarray(0, end) }
    case BOTH: {
      const { length, start } = readLength(bytes)
      if (length < 0 || start + length > end) throw malformed(`a new value of ${length} bytes`)
      return { value: bytes.subarray(start, start + length), old: bytes.subarray(start + length, end) }
    }
    default:
      throw malformed(`the tag ${bytes[end]}`)
  }
}

function zigzagVarint(length: number): Buffer {
  const out: number[] = []
  let rest = length * 2
  while (rest > 0x7f) {
    out.push((rest & 0x7f) | 0x80)
    rest = Math.floor(rest / 128)
  }
  out.push(rest)
  return Buffer.from(out)
}

function readLength(bytes: Buffer): { length: number; start: number } {
  let value = 0
  let scale = 1
  let at = 0
  for (;;) {
    const byte = bytes[at++]
    if (byte === undefined || at > 5) throw malformed('an endless length')
    value += (byte & 0x7f) * scale
    scale *= 128
    if (byte < 0x80) break
  }
  if (value % 2 === 1) throw malformed('a negative length')
  return { length: value / 2, start: at }
}

function malformed(what: string): EvertError {
  return new EvertError(
    'MALFORMED_BYTES',
    `A repartitioned change of a table has ${what}; was the repartition topic written by something else?`,
  )
}
