import type { Codec } from '../../contracts/codec.ts'
import { cellOf } from './cell.ts'
import type { Mapper } from './functions.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/** Any number of values for one record, under its key, in order (Kafka Streams: KStreamFlatMapValues). */
export function flatMapValues(mapper: Mapper, codec: Codec<unknown>): ProcessorFactory {
  return (context, next) => new FlatMapValues(mapper, codec, context, next)
}

class FlatMapValues implements Processor {
  readonly #mapper: Mapper
  readonly #codec: Codec<unknown>
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(mapper: Mapper, codec: Codec<unknown>, context: ProcessorContext, next: Processor) {
    this.#mapper = mapper
    this.#codec = codec
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    this.#task.node = this.#node
    const { key, value } = record
    const results = this.#mapper(
      value === null ? null : value.value,
      key === null ? null : key.value,
    ) as Iterable<unknown>
    for (const result of results) {
      this.#next.process(record.withValue(cellOf(result, this.#codec)))
      this.#task.node = this.#node
    }
  }
}
