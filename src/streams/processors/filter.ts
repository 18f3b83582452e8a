import { type Predicate, refuseAnswer } from './functions.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/** Keeps a stream's records for which the predicate says `keep` (Kafka Streams: KStreamFilter). */
export function filter(predicate: Predicate, keep: boolean): ProcessorFactory {
  return (context, next) => new Filter(predicate, keep, context, next)
}

class Filter implements Processor {
  readonly #predicate: Predicate
  readonly #keep: boolean
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(predicate: Predicate, keep: boolean, context: ProcessorContext, next: Processor) {
    this.#predicate = predicate
    this.#keep = keep
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    this.#task.node = this.#node
    const { key, value } = record
    const fits = this.#predicate(value === null ? null : value.value, key === null ? null : key.value)
    if (fits === this.#keep) this.#next.process(record)
    else if (typeof fits !== 'boolean') refuseAnswer(fits, this.#node)
  }
}
