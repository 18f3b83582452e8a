import type { Codec } from '../../contracts/codec.ts'
import { cellOf } from './cell.ts'
import type { Mapper } from './functions.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/** A new key, from the value and the old key (Kafka Streams: KStreamMap by selectKey and groupBy). */
export function selectKey(selector: Mapper, codec: Codec<unknown>): ProcessorFactory {
  return (context, next) => new SelectKey(selector, codec, context, next)
}

class SelectKey implements Processor {
  readonly #selector: Mapper
  readonly #codec: Codec<unknown>
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(selector: Mapper, codec: Codec<unknown>, context: ProcessorContext, next: Processor) {
    this.#selector = selector
    this.#codec = codec
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    this.#task.node = this.#node
    const { key, value } = record
    const selected = this.#selector(value === null ? null : value.value, key === null ? null : key.value)
    this.#next.process(record.withKey(cellOf(selected, this.#codec)))
  }
}
