import { JoinRows, type JoinRowsPlan } from './join-rows.ts'
import { type JoinWindows, mirrored } from './join-windows.ts'
import { LateRecords } from './late-records.ts'
import type { Processor, ProcessorContext, ProcessorFactory } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/**
 * Keeps a record of one side of a stream-stream join for partners that come after it (Kafka Streams:
 * KStreamJoinWindow): it is joined first, so that it never meets itself. One that is too old to be kept counts as
 * expired.
 */
export function joinWindow(plan: JoinRowsPlan): ProcessorFactory {
  return (context, next) => new JoinWindow(plan, context, next)
}

class JoinWindow implements Processor {
  readonly #rows: JoinRows
  /** As this side sees them. */
  readonly #windows: JoinWindows
  readonly #late: LateRecords
  readonly #context: ProcessorContext
  readonly #next: Processor

  constructor(plan: JoinRowsPlan, context: ProcessorContext, next: Processor) {
    this.#rows = new JoinRows(plan, context.keyValue(plan.store), context.keyValue(plan.times))
    this.#windows = plan.side === 'left' ? plan.windows : mirrored(plan.windows)
    this.#late = new LateRecords(context)
    this.#context = context
    this.#next = next
  }

  process(record: StreamRecord): void {
    this.#next.process(record)
    const { key, value, timestamp } = record
    if (key === null || value === null) return
    const { task, node } = this.#context
    task.node = node
    if (this.#rows.add(key, value.value, timestamp)) return
    const { beforeMs, afterMs } = this.#windows
    const missed = { start: timestamp - beforeMs, end: timestamp + afterMs, streamTime: this.#rows.latest }
    this.#late.drop(record, missed, 'expired')
  }
}
