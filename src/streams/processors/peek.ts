import type { Mapper } from './functions.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/** Shows each record to a function and passes it on unchanged (Kafka Streams: KStreamPeek). */
export function peek(action: Mapper): ProcessorFactory {
  return (context, next) => new Peek(action, context, next)
}

class Peek implements Processor {
  readonly #action: Mapper
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(action: Mapper, context: ProcessorContext, next: Processor) {
    this.#action = action
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    this.#task.node = this.#node
    const { key, value } = record
    this.#action(value === null ? null : value.value, key === null ? null : key.value)
    this.#next.process(record)
  }
}
