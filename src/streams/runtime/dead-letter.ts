import type { RecordHeader } from '../../records/record-batch.ts'
import type { RecordColumns } from '../../records/record-columns.ts'
import type { SourcePosition } from '../processors/process-context.ts'
import type { RecordCollector } from './record-collector.ts'

export interface FailedRecord {
  readonly columns: Pick<RecordColumns, 'timestamp' | 'key' | 'value' | 'headers'>
  readonly index: number
  /** Without a position: made by a punctuation. */
  readonly origin: Partial<SourcePosition> & { readonly node: string }
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
    ...positionHeaders(origin),
    textHeader('node', origin.node),
  ]
  const timestamp = Math.max(0, columns.timestamp(index))
  collector.collect(topic, undefined, timestamp, columns.key(index), columns.value(index), headers)
}

function positionHeaders({ topic, partition, offset }: Partial<SourcePosition>): RecordHeader[] {
  if (topic === undefined) return []
  return [
    textHeader('topic', topic),
    textHeader('partition', String(partition)),
    textHeader('offset', String(offset)),
  ]
}

function textHeader(name: string, text: string): RecordHeader {
  return { key: `__streams.errors.${name}`, value: Buffer.from(text) }
}
