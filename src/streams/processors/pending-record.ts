import type { Codec } from '../../contracts/codec.ts'
import { bytes, int64 } from '../../contracts/codecs.ts'
import type { RecordHeader } from '../../records/record-batch.ts'
import { bufferedRow, int32, RowReader } from './buffered-row.ts'
import type { SourcePosition } from './process-context.ts'

/** A record that waits for the result of its call; its timestamp is the store's. */
export interface PendingRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
  /** Undefined when a punctuation made it. */
  readonly source: SourcePosition | undefined
}

const row = bufferedRow(bytes)

/**
 * A pending record as stores hold it, its key and value as these codecs wrote them. Numbers are big-endian.
 *
 *   | field                                                     | bytes |
 *   |-----------------------------------------------------------|-------|
 *   | length of the key, -1 for null; the key                   | 4 + … |
 *   | length of the source topic's name, -1 for none; the name  | 4 + … |
 *   |   of a source: partition; offset                          | 4 + 8 |
 *   | headers and value as a buffered row (buffered-row.ts)     | …     |
 */
export function pendingRecord(key: Codec<unknown>, value: Codec<unknown>): Codec<PendingRecord> {
  return { ...layout, name: `pending-${key.name}-${value.name}` }
}

const layout: Omit<Codec<PendingRecord>, 'name'> = {
  encode({ key, source, value, headers }) {
    const parts = [int32(key?.length ?? ABSENT)]
    if (key !== null) parts.push(key)
    if (source === undefined) {
      parts.push(int32(ABSENT))
    } else {
      const topic = Buffer.from(source.topic)
      parts.push(int32(topic.length), topic, int32(source.partition), int64.encode(source.offset))
    }
    parts.push(row.encode({ value, headers }))
    return Buffer.concat(parts)
  },
  decode(slice) {
    const reader = new RowReader(slice)
    const keyLength = reader.int32()
    const key = keyLength === ABSENT ? null : Buffer.from(reader.take(keyLength))
    const source = readSource(reader)
    const { value, headers } = row.decode(reader.rest())
    return { key, value: value as Buffer | null, headers, source }
  },
}

const ABSENT = -1

function readSource(reader: RowReader): SourcePosition | undefined {
  const length = reader.int32()
  if (length === ABSENT) return undefined
  const topic = reader.take(length).toString()
  const partition = reader.int32()
  return { topic, partition, offset: int64.decode(reader.take(8)) }
}
