import type { Codec } from '../../contracts/codec.ts'
import type { RecordColumns } from '../../records/record-columns.ts'
import type { RecordHeader } from '../../records/record-batch.ts'
import { Cell } from './cell.ts'
import type { Processor } from './processor.ts'
import { StreamRecord } from './stream-record.ts'

const NO_HEADERS: readonly RecordHeader[] = []

/** Where records enter: wraps the raw key and value, decodes nothing. */
export class SourceProcessor {
  readonly name: string
  readonly #key: Codec<unknown>
  readonly #value: Codec<unknown>
  readonly #next: Processor

  constructor(name: string, codecs: { key: Codec<unknown>; value: Codec<unknown> }, next: Processor) {
    this.name = name
    this.#key = codecs.key
    this.#value = codecs.value
    this.#next = next
  }

  process(columns: RecordColumns, index: number, timestamp: number): void {
    const key = columns.key(index)
    const value = columns.value(index)
    const headers = columns.headers(index)
    this.#next.process(
      new StreamRecord(
        key === null ? null : Cell.ofBytes(key, this.#key),
        value === null ? null : Cell.ofBytes(value, this.#value),
        null,
        timestamp,
        headers.length === 0 ? NO_HEADERS : headers,
        true,
      ),
    )
  }
}
