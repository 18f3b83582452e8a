import type { Processor, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/** Before a repartition topic: a record without a key belongs to no partition and is dropped. */
export const nullKeyFilter: ProcessorFactory = (context, next) =>
  new NullKeyFilter(context.node, context.task, next)

class NullKeyFilter implements Processor {
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(node: string, task: TaskContext, next: Processor) {
    this.#node = node
    this.#task = task
    this.#next = next
  }

  process(record: StreamRecord): void {
    if (record.key === null) this.#task.drop(this.#node, 'null-key')
    else this.#next.process(record)
  }
}
