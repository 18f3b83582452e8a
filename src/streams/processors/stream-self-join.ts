import type { Codec } from '../../contracts/codec.ts'
import { cellOf } from './cell.ts'
import type { Joiner } from './functions.ts'
import { JoinRows, type JoinRowsPlan } from './join-rows.ts'
import { LateRecords } from './late-records.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'
import { missing } from './drop-reason.ts'

/*
 * Algorithm: a stream joined with itself is both sides of one join. A record is joined as the left one with the
 * records before it, is kept, and is then joined as the right one with all that are kept, itself among them.
 *
 * State: one copy of the records (join-rows.ts) where two sides would keep two equal ones.
 *
 * Correctness: this is what the processors of both sides do one after the other (stream-stream-join.ts): the left
 * side looks before the right side has kept the record, the right side after the left one has. (Kafka Streams:
 * KStreamKStreamSelfJoin.)
 */

export interface SelfJoinPlan {
  readonly rows: JoinRowsPlan
  readonly joiner: Joiner
  readonly value: Codec<unknown>
}

export function streamSelfJoin(plan: SelfJoinPlan): ProcessorFactory {
  return (context, next) => new StreamSelfJoin(plan, context, next)
}

class StreamSelfJoin implements Processor {
  readonly #plan: SelfJoinPlan
  readonly #rows: JoinRows
  readonly #late: LateRecords
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(plan: SelfJoinPlan, context: ProcessorContext, next: Processor) {
    const { rows } = plan
    this.#plan = plan
    this.#rows = new JoinRows(rows, context.keyValue(rows.store), context.keyValue(rows.times))
    this.#late = new LateRecords(context)
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    const { key, value, timestamp } = record
    if (key === null || value === null) return this.#task.drop(this.#node, missing(record))
    this.#task.node = this.#node
    const { beforeMs, afterMs } = this.#plan.rows.windows
    const mine = value.value
    for (const other of this.#rows.between(key, timestamp - beforeMs, timestamp + afterMs)) {
      this.#send(record, { left: mine, right: other.value, timestamp: other.timestamp })
    }
    this.#task.node = this.#node
    if (!this.#rows.add(key, mine, timestamp)) {
      const missed = { start: timestamp - beforeMs, end: timestamp + afterMs, streamTime: this.#rows.latest }
      this.#late.drop(record, missed, 'expired')
    }
    for (const other of this.#rows.between(key, timestamp - afterMs, timestamp + beforeMs)) {
      this.#send(record, { left: other.value, right: mine, timestamp: other.timestamp })
    }
  }

  #send(record: StreamRecord, pair: { left: unknown; right: unknown; timestamp: number }): void {
    const { joiner, value } = this.#plan
    this.#task.node = this.#node
    const joined = joiner(pair.left, pair.right, record.key?.value)
    this.#next.process(
      record.withChange(cellOf(joined, value), null, Math.max(record.timestamp, pair.timestamp)),
    )
  }
}
