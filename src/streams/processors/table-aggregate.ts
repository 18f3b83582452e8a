import type { KeyValueStore } from '../state/store.ts'
import type { Aggregator, Initializer, Reducer } from './functions.ts'
import { type RowWriter, rowWriter, type TableState } from './materialised.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { Cell } from './cell.ts'
import type { StreamRecord } from './stream-record.ts'

/**
 * How a group's row follows its members. `add` gets undefined when the group has no row.
 */
export interface TableAggregator {
  add(row: unknown, value: Cell, key: Cell): unknown
  subtract(row: unknown, value: Cell, key: Cell): unknown
}

/** The number of members; never decodes one. A group that lost all of them stays, with 0. */
export const tableCount: TableAggregator = {
  add: row => (row === undefined ? 1 : (row as number) + 1),
  subtract: row => (row as number) - 1,
}

export function tableReduce(adder: Reducer, subtractor: Reducer): TableAggregator {
  return {
    add: (row, value) => (row === undefined ? value.value : adder(row, value.value)),
    subtract: (row, value) => subtractor(row, value.value),
  }
}

export function tableAggregate(
  initializer: Initializer,
  adder: Aggregator,
  subtractor: Aggregator,
): TableAggregator {
  return {
    add: (row, value, key) => adder(row === undefined ? initializer() : row, value.value, key.value),
    subtract: (row, value, key) => subtractor(row, value.value, key.value),
  }
}

/**
 * Aggregates of a grouped table (Kafka Streams: KTableAggregate, KTableReduce): what a change takes from its group is
 * subtracted before what it brings is added, and the result goes out once. Only a group with a row is subtracted
 * from. A result of null deletes the row.
 */
export function tableGroupAggregate(aggregator: TableAggregator, state: TableState): ProcessorFactory {
  return (context, next) => new TableGroupAggregate(aggregator, state, context, next)
}

class TableGroupAggregate implements Processor {
  readonly #aggregator: TableAggregator
  readonly #node: string
  readonly #task: TaskContext
  readonly #store: KeyValueStore<unknown>
  readonly #rows: RowWriter

  constructor(aggregator: TableAggregator, state: TableState, context: ProcessorContext, next: Processor) {
    this.#aggregator = aggregator
    this.#node = context.node
    this.#task = context.task
    this.#store = context.keyValue(state.store as string)
    this.#rows = rowWriter(this.#store, state, next)
  }

  process(record: StreamRecord): void {
    this.#task.node = this.#node
    const key = record.key as Cell
    const row = this.#store.get(key.byteString)
    let value = row?.value
    if (record.old !== null && value !== undefined) {
      value = this.#aggregator.subtract(value, record.old, key) ?? undefined
    }
    if (record.value !== null) value = this.#aggregator.add(value, record.value, key)
    const timestamp = row === undefined ? record.timestamp : Math.max(record.timestamp, row.timestamp)
    this.#rows.replace(record, { old: row?.value ?? null, value }, timestamp)
  }
}
