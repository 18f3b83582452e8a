import type { KeyValueStore } from '../state/store.ts'
import type { Aggregator, Initializer, Reducer } from './functions.ts'
import { type RowWriter, rowWriter, type TableState } from './materialised.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'
import { missing } from './drop-reason.ts'

/*
 * Aggregates of a grouped stream (Kafka Streams: KStreamAggregate, KStreamReduce). One row per key. Records without
 * key or value are dropped. The row's timestamp is the greatest of the records in it. An aggregator that returns
 * null deletes the row; the next record of the key starts anew.
 */

/** The number of records; never decodes one. */
export function streamCount(state: TableState): ProcessorFactory {
  return (context, next) => new Count(new Rows(context, state, next))
}

/** Folds values into one of their own type; the first value is taken as it is. */
export function streamReduce(reducer: Reducer, state: TableState): ProcessorFactory {
  return (context, next) => new Reduce(reducer, new Rows(context, state, next))
}

export function streamAggregate(
  initializer: Initializer,
  aggregator: Aggregator,
  state: TableState,
): ProcessorFactory {
  return (context, next) => new Aggregate(initializer, aggregator, new Rows(context, state, next))
}

class Rows {
  readonly node: string
  readonly task: TaskContext
  readonly store: KeyValueStore<unknown>
  readonly writer: RowWriter

  constructor(context: ProcessorContext, state: TableState, next: Processor) {
    this.node = context.node
    this.task = context.task
    this.store = context.keyValue(state.store as string)
    this.writer = rowWriter(this.store, state, next)
  }
}

class Count implements Processor {
  readonly #rows: Rows

  constructor(rows: Rows) {
    this.#rows = rows
  }

  process(record: StreamRecord): void {
    const { node, task, store, writer } = this.#rows
    if (record.key === null || record.value === null) return task.drop(node, missing(record))
    const row = store.get(record.key.byteString)
    if (row === undefined) return writer.replace(record, { old: null, value: 1 }, record.timestamp)
    writer.replace(
      record,
      { old: row.value, value: (row.value as number) + 1 },
      Math.max(record.timestamp, row.timestamp),
    )
  }
}

class Reduce implements Processor {
  readonly #reducer: Reducer
  readonly #rows: Rows

  constructor(reducer: Reducer, rows: Rows) {
    this.#reducer = reducer
    this.#rows = rows
  }

  process(record: StreamRecord): void {
    const { node, task, store, writer } = this.#rows
    if (record.key === null || record.value === null) return task.drop(node, missing(record))
    task.node = node
    const row = store.get(record.key.byteString)
    const value = record.value.value
    if (row === undefined) return writer.replace(record, { old: null, value }, record.timestamp)
    writer.replace(
      record,
      { old: row.value, value: this.#reducer(row.value, value) },
      Math.max(record.timestamp, row.timestamp),
    )
  }
}

class Aggregate implements Processor {
  readonly #initializer: Initializer
  readonly #aggregator: Aggregator
  readonly #rows: Rows

  constructor(initializer: Initializer, aggregator: Aggregator, rows: Rows) {
    this.#initializer = initializer
    this.#aggregator = aggregator
    this.#rows = rows
  }

  process(record: StreamRecord): void {
    const { node, task, store, writer } = this.#rows
    if (record.key === null || record.value === null) return task.drop(node, missing(record))
    task.node = node
    const row = store.get(record.key.byteString)
    const before = row === undefined ? this.#initializer() : row.value
    const value = this.#aggregator(before, record.value.value, record.key.value)
    const timestamp = row === undefined ? record.timestamp : Math.max(record.timestamp, row.timestamp)
    writer.replace(record, { old: row === undefined ? null : row.value, value }, timestamp)
  }
}
