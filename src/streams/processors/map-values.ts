import type { Codec } from '../../contracts/codec.ts'
import { cellOf } from './cell.ts'
import type { Mapper } from './functions.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/** A new value for every record of a stream, null values included (Kafka Streams: KStreamMapValues). */
export function mapValues(mapper: Mapper, codec: Codec<unknown>): ProcessorFactory {
  return (context, next) => new MapValues(mapper, codec, context, next)
}

class MapValues implements Processor {
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
    const mapped = this.#mapper(value === null ? null : value.value, key === null ? null : key.value)
    this.#next.process(record.withValue(cellOf(mapped, this.#codec)))
  }
}
