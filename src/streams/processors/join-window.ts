import { JoinRows, type JoinRowsPlan } from './join-rows.ts'
import type { Processor, ProcessorContext, ProcessorFactory } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/**
 * Keeps a record of one side of a stream-stream join for partners that come after it (Kafka Streams:
 * KStreamJoinWindow): it is joined first, so that it never meets itself.
 */
export function joinWindow(plan: JoinRowsPlan): ProcessorFactory {
  return (context, next) => new JoinWindow(plan, context, next)
}

class JoinWindow implements Processor {
  readonly #rows: JoinRows
  readonly #context: ProcessorContext
  readonly #next: Processor

  constructor(plan: JoinRowsPlan, context: ProcessorContext, next: Processor) {
    this.#rows = new JoinRows(plan, context.keyValue(plan.store), context.keyValue(plan.times))
    this.#context = context
    this.#next = next
  }

  process(record: StreamRecord): void {
    this.#next.process(record)
    const { key, value, timestamp } = record
    if (key === null || value === null) return
    const { task, node } = this.#context
    task.node = node
    if (!this.#rows.add(key, value.value, timestamp)) task.drop(node, 'expired')
  }
}
