import { AssertionError } from '../../src/internal/assert.ts'
import { RecordBatch, stampOffsets } from '../../src/records/record-batch.ts'
import { RecordBatchBuilder } from '../../src/records/record-batch-builder.ts'
import type { RawRecord } from '../../src/testing/single-record.ts'

/** A case that multiplies its records beyond use, as joins of joins do. Of a kind that no error policy passes over. */
export class TooManyRecords extends AssertionError {}

/** One partition per topic. Offsets have gaps, as the markers of transactions leave them. */
export class SimulatedLog {
  readonly #topics = new Map<string, RawRecord[]>()
  readonly #ends = new Map<string, number>()
  readonly #maxRecords: number
  #count = 0

  constructor(maxRecords: number) {
    this.#maxRecords = maxRecords
  }

  get topics(): string[] {
    return [...this.#topics.keys()]
  }

  append(topic: string, record: Omit<RawRecord, 'offset'>): void {
    if (++this.#count > this.#maxRecords) throw new TooManyRecords(`more than ${this.#maxRecords} records`)
    const offset = this.end(topic)
    const { timestamp, key, value, headers } = record
    const records = this.#topics.get(topic) ?? []
    this.#topics.set(topic, records)
    records.push({ offset, timestamp, key: copied(key), value: copied(value), headers })
    this.#ends.set(topic, offset + 1)
  }

  mark(topic: string): void {
    this.#ends.set(topic, this.end(topic) + 1)
  }

  end(topic: string): number {
    return this.#ends.get(topic) ?? 0
  }

  records(topic: string): readonly RawRecord[] {
    return this.#topics.get(topic) ?? []
  }

  /** Up to `count` records from `from` on, below `to`; and where the next part begins: behind markers, or before. */
  read(topic: string, from: number, to: number, count: number) {
    const left = this.records(topic).filter(({ offset }) => offset >= from && offset < to)
    const records = left.slice(0, count)
    const last = records.at(-1)
    const isAll = records.length === left.length
    return { records, nextOffset: isAll || last === undefined ? to : last.offset + 1 }
  }
}

/** The records as a producer would have written them. */
export function batchesOf(records: readonly RawRecord[]): RecordBatch[] {
  const batches: RecordBatch[] = []
  let builder = new RecordBatchBuilder()
  let base = 0
  const finish = () => {
    if (builder.count === 0) return
    const bytes = builder.build()
    stampOffsets(bytes, base, 0)
    batches.push(RecordBatch.at(bytes))
    builder = new RecordBatchBuilder()
  }
  for (const { offset, timestamp, key, value, headers } of records) {
    if (builder.count > 0 && base + builder.count !== offset) finish()
    if (builder.count === 0) base = offset
    builder.append(timestamp, key, value, headers)
  }
  finish()
  return batches
}

function copied(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes)
}
