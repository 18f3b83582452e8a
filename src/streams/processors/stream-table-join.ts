import type { Codec } from '../../contracts/codec.ts'
import { cellOf } from './cell.ts'
import type { Joiner } from './functions.ts'
import type { Lookup, LookupFactory } from './lookup.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'
import { missing } from './drop-reason.ts'

export interface StreamTableJoinPlan {
  readonly table: LookupFactory
  readonly joiner: Joiner
  /** A stream record without a row joins with null instead of being dropped. */
  readonly left: boolean
  readonly value: Codec<unknown>
}

/**
 * Joins each record of a stream with the table's row of the same key as it is now, or, of a versioned table, as it was
 * at the record's time (Kafka Streams: KStreamKTableJoin). The table alone never causes a result; the result has the stream record's timestamp. Null values are dropped; a null
 * key joins with null when left (KIP-962) and is dropped when inner.
 */
export function streamTableJoin(plan: StreamTableJoinPlan): ProcessorFactory {
  return (context, next) => new StreamTableJoin(plan, context, next)
}

class StreamTableJoin implements Processor {
  readonly #rows: Lookup
  readonly #joiner: Joiner
  readonly #left: boolean
  readonly #codec: Codec<unknown>
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(plan: StreamTableJoinPlan, context: ProcessorContext, next: Processor) {
    this.#rows = plan.table.create(context)
    this.#joiner = plan.joiner
    this.#left = plan.left
    this.#codec = plan.value
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    const { key, value } = record
    if (value === null || (key === null && !this.#left)) {
      this.#task.drop(this.#node, missing(record))
      return
    }
    this.#task.node = this.#node
    const row = key === null ? undefined : this.#rows.get(key, record.timestamp)
    if (row === undefined && !this.#left) return
    const joined = this.#joiner(
      value.value,
      row === undefined ? null : row.value,
      key === null ? null : key.value,
    )
    this.#next.process(record.withValue(cellOf(joined, this.#codec)))
  }
}
