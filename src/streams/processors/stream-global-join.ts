import type { Codec } from '../../contracts/codec.ts'
import { cellOf } from './cell.ts'
import type { Joiner, Mapper } from './functions.ts'
import type { Lookup, LookupFactory } from './lookup.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

export interface StreamGlobalJoinPlan {
  readonly table: LookupFactory
  readonly tableKey: Codec<unknown>
  /** The table's key, from the stream's value and key. */
  readonly select: Mapper
  readonly joiner: Joiner
  /** A record without a row joins with null instead of being dropped. */
  readonly left: boolean
  readonly value: Codec<unknown>
}

/**
 * Joins each record of a stream with the row that a global table has under a computed key (Kafka Streams:
 * KStreamGlobalKTableJoin). Null values are dropped before the key is computed; a computed key of null has no row;
 * the stream's own key may be null.
 */
export function streamGlobalJoin(plan: StreamGlobalJoinPlan): ProcessorFactory {
  return (context, next) => new StreamGlobalJoin(plan, context, next)
}

class StreamGlobalJoin implements Processor {
  readonly #plan: StreamGlobalJoinPlan
  readonly #rows: Lookup
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(plan: StreamGlobalJoinPlan, context: ProcessorContext, next: Processor) {
    this.#plan = plan
    this.#rows = plan.table.create(context)
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    const { select, joiner, left, tableKey, value: codec } = this.#plan
    if (record.value === null) return this.#task.drop(this.#node, 'null-value')
    this.#task.node = this.#node
    const value = record.value.value
    const key = record.key === null ? null : record.key.value
    const selected = cellOf(select(value, key), tableKey)
    if (selected === null && !left) return this.#task.drop(this.#node, 'null-key')
    const row = selected === null ? undefined : this.#rows.get(selected)
    if (row === undefined && !left) return
    this.#next.process(
      record.withValue(cellOf(joiner(value, row === undefined ? null : row.value, key), codec)),
    )
  }
}
