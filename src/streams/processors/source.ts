import type { Codec } from '../../contracts/codec.ts'
import type { RecordHeader } from '../../records/record-batch.ts'
import type { RecordColumns } from '../../records/record-columns.ts'
import { Cell } from './cell.ts'
import { decodeChange } from './change-codec.ts'
import type { Processor } from './processor.ts'
import { StreamRecord } from './stream-record.ts'
import { type TimestampExtractor, timestampReader } from './timestamp-extractor.ts'

/** Where records enter a task: wraps the raw key and value of one record, decodes nothing by itself. */
export interface SourceProcessor {
  readonly name: string
  process(columns: RecordColumns, index: number, timestamp: number): void
  /**
   * Of a source with a timestamp extractor: the record with the timestamp that decides about its turn, to be given to
   * `forward` then. Throws what the extractor or a codec throws.
   */
  readonly stamp: Stamp | undefined
  forward(record: StreamRecord): void
  /** Whether the codecs read the record: asked about one that failed. */
  decodes(columns: RecordColumns, index: number): boolean
}

export type Stamp = (columns: RecordColumns, index: number, partitionTime: number) => StreamRecord

interface SourcePlan {
  readonly name: string
  readonly key: Codec<unknown>
  readonly value: Codec<unknown>
  /** Values are changes of a table (change-codec.ts). */
  readonly changes: boolean
  readonly timestamp: TimestampExtractor<unknown, unknown> | undefined
}

export function sourceProcessor(plan: SourcePlan, next: Processor, nowMs: () => number): SourceProcessor {
  return plan.changes
    ? new ChangeSource(plan, next)
    : new RecordSource(plan, next, timestampReader(plan.timestamp, nowMs))
}

class RecordSource implements SourceProcessor {
  readonly name: string
  readonly #key: Codec<unknown>
  readonly #value: Codec<unknown>
  readonly #next: Processor
  readonly stamp: Stamp | undefined

  constructor(plan: SourcePlan, next: Processor, read: ReturnType<typeof timestampReader>) {
    this.name = plan.name
    this.#key = plan.key
    this.#value = plan.value
    this.#next = next
    if (read === undefined) return
    this.stamp = (columns, index, partitionTime) => {
      const record = this.#record(columns, index, columns.timestamp(index))
      return record.withTimestamp(read(record, partitionTime))
    }
  }

  process(columns: RecordColumns, index: number, timestamp: number): void {
    this.#next.process(this.#record(columns, index, timestamp))
  }

  forward(record: StreamRecord): void {
    this.#next.process(record)
  }

  decodes(columns: RecordColumns, index: number): boolean {
    const { key, value } = this.#record(columns, index, 0)
    return canDecode(key) && canDecode(value)
  }

  #record(columns: RecordColumns, index: number, timestamp: number): StreamRecord {
    const key = columns.key(index)
    const value = columns.value(index)
    return new StreamRecord(
      key === null ? null : Cell.ofBytes(key, this.#key),
      value === null ? null : Cell.ofBytes(value, this.#value),
      null,
      timestamp,
      headersOf(columns, index),
      true,
    )
  }
}

class ChangeSource implements SourceProcessor {
  readonly name: string
  readonly #key: Codec<unknown>
  readonly #value: Codec<unknown>
  readonly #next: Processor
  readonly stamp: undefined

  constructor(plan: SourcePlan, next: Processor) {
    this.name = plan.name
    this.#key = plan.key
    this.#value = plan.value
    this.#next = next
  }

  process(columns: RecordColumns, index: number, timestamp: number): void {
    const key = columns.key(index)
    const change = columns.value(index)
    if (key === null || change === null) return
    const { value, old } = decodeChange(change)
    this.#next.process(
      new StreamRecord(
        Cell.ofBytes(key, this.#key),
        value === null ? null : Cell.ofBytes(value, this.#value),
        old === null ? null : Cell.ofBytes(old, this.#value),
        timestamp,
        headersOf(columns, index),
        true,
      ),
    )
  }

  forward(record: StreamRecord): void {
    this.#next.process(record)
  }

  /** Written by the application itself. */
  decodes(): boolean {
    return true
  }
}

/** A codec says by throwing that it cannot: the error itself is reported by whoever met it first. */
function canDecode(cell: Cell | null): boolean {
  try {
    return cell === null || cell.value !== undefined
  } catch {
    return false
  }
}

const NO_HEADERS: readonly RecordHeader[] = []

/** Records without headers share one array. */
function headersOf(columns: RecordColumns, index: number): readonly RecordHeader[] {
  const headers = columns.headers(index)
  return headers.length === 0 ? NO_HEADERS : headers
}
