import type { RecordHeader } from '../records/record-batch.ts'
import type { RecordColumns } from '../records/record-columns.ts'

export interface RawRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}

/** One record in the form in which a task takes batches. */
export function singleRecord(record: RawRecord): { records(): RecordColumns } {
  const columns: RecordColumns = {
    count: 1,
    offset: () => record.offset,
    timestamp: () => record.timestamp,
    key: () => record.key,
    value: () => record.value,
    keyLatin1: () => record.key?.toString('latin1') ?? null,
    headers: () => [...record.headers],
  }
  return { records: () => columns }
}
