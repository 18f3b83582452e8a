import { RowWriter, type TableState } from './materialised.ts'
import type { Processor, ProcessorFactory } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/** Where both sides of a table join meet; keeps the joined rows if asked to (Kafka Streams: KTableKTableJoinMerger). */
export function tableMerge(state: TableState): ProcessorFactory {
  return (context, next) =>
    state.store === undefined
      ? next
      : new StoredMerge(new RowWriter(context.keyValue(state.store), state, next))
}

class StoredMerge implements Processor {
  readonly #rows: RowWriter

  constructor(rows: RowWriter) {
    this.#rows = rows
  }

  process(record: StreamRecord): void {
    this.#rows.write(record, record.value)
  }
}
