import type { Codec } from '../../contracts/codec.ts'
import type { RecordHeader } from '../../records/record-batch.ts'
import type { RecordColumns } from '../../records/record-columns.ts'
import { Cell } from './cell.ts'
import { decodeChange } from './change-codec.ts'
import type { Processor } from './processor.ts'
import { StreamRecord } from './stream-record.ts'

/** Where records enter a task: wraps the raw key and value of one record, decodes nothing. */
export interface SourceProcessor {
  readonly name: string
  process(columns: RecordColumns, index: number, timestamp: number): void
}

interface SourcePlan {
  readonly name: string
  readonly key: Codec<unknown>
  readonly value: Codec<unknown>
  /** Values are changes of a table (change-codec.ts). */
  readonly changes: boolean
}

export function sourceProcessor(plan: SourcePlan, next: Processor): SourceProcessor {
  return plan.changes ? new ChangeSource(plan, next) : new RecordSource(plan, next)
}

class RecordSource implements SourceProcessor {
  readonly name: string
  readonly #key: Codec<unknown>
  readonly #value: Codec<unknown>
  readonly #next: Processor

  constructor(plan: SourcePlan, next: Processor) {
    this.name = plan.name
    this.#key = plan.key
    this.#value = plan.value
    this.#next = next
  }

  process(columns: RecordColumns, index: number, timestamp: number): void {
    const key = columns.key(index)
    const value = columns.value(index)
    this.#next.process(
      new StreamRecord(
        key === null ? null : Cell.ofBytes(key, this.#key),
        value === null ? null : Cell.ofBytes(value, this.#value),
        null,
        timestamp,
        headersOf(columns, index),
        true,
      ),
    )
  }
}

class ChangeSource implements SourceProcessor {
  readonly name: string
  readonly #key: Codec<unknown>
  readonly #value: Codec<unknown>
  readonly #next: Processor

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
}

const NO_HEADERS: readonly RecordHeader[] = []

/** Records without headers share one array. */
function headersOf(columns: RecordColumns, index: number): readonly RecordHeader[] {
  const headers = columns.headers(index)
  return headers.length === 0 ? NO_HEADERS : headers
}
