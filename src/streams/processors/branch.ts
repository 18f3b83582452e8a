import { type Predicate, refuseAnswer } from './functions.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/**
 * Sends each record to the first branch whose predicate holds; the children are the branches in order, then the
 * default if there is one. What no branch takes is dropped (Kafka Streams: KStreamBranch).
 */
export function branch(predicates: readonly Predicate[]): ProcessorFactory {
  return (context, _next, children) => new Branch(predicates, context, children)
}

class Branch implements Processor {
  readonly #predicates: readonly Predicate[]
  readonly #node: string
  readonly #task: TaskContext
  readonly #children: readonly Processor[]

  constructor(predicates: readonly Predicate[], context: ProcessorContext, children: readonly Processor[]) {
    this.#predicates = predicates
    this.#node = context.node
    this.#task = context.task
    this.#children = children
  }

  process(record: StreamRecord): void {
    this.#task.node = this.#node
    const key = record.key === null ? null : record.key.value
    const value = record.value === null ? null : record.value.value
    let index = 0
    for (; index < this.#predicates.length; index++) {
      const fits: unknown = (this.#predicates[index] as Predicate)(value, key)
      if (fits === true) break
      if (fits !== false) refuseAnswer(fits, this.#node)
    }
    this.#children[index]?.process(record)
  }
}
