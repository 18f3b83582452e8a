import type { RecordHeader } from '../../records/record-batch.ts'
import type { RecordColumns } from '../../records/record-columns.ts'
import type { RecordCollector } from './record-collector.ts'

export interface FailedRecord {
  readonly columns: RecordColumns
  readonly index: number
  readonly origin: { topic: string; partition: number; offset: number; node: string }
  readonly error: unknown
}

/**
 * Writes the record as it was read: raw key and value, its own timestamp and headers, and what went wrong and where
 * as further headers (after Kafka Streams' `__streams.errors.*`, KIP-1034).
 */
export function writeDeadLetter(collector: RecordCollector, topic: string, failed: FailedRecord): void {
  const { columns, index, origin, error } = failed
  const headers: RecordHeader[] = [
    ...columns.headers(index),
    textHeader('exception', error instanceof Error ? error.name : typeof error),
    textHeader('message', error instanceof Error ? error.message : String(error)),
    textHeader('topic', origin.topic),
    textHeader('partition', String(origin.partition)),
    textHeader('offset', String(origin.offset)),
    textHeader('node', origin.node),
  ]
  const timestamp = Math.max(0, columns.timestamp(index))
  collector.collect(topic, undefined, timestamp, columns.key(index), columns.value(index), headers)
}

function textHeader(name: string, text: string): RecordHeader {
  return { key: `__streams.errors.${name}`, value: Buffer.from(text) }
}
