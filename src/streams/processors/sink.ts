import type { Codec } from '../../contracts/codec.ts'
import type { RecordCollector } from '../runtime/record-collector.ts'
import type { Processor, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/** What a sink writes as the value of a record. */
export type ValueEncoder = (record: StreamRecord, codec: Codec<unknown>) => Buffer | null

/** Chooses the partition of each record that a sink writes. */
export type SinkPartitioner = (record: StreamRecord) => number

export interface SinkTarget {
  readonly name: string
  readonly topic: string
  readonly key: Codec<unknown>
  readonly value: Codec<unknown>
  readonly encodeValue: ValueEncoder
  readonly partition: SinkPartitioner | undefined
}

/** Where records leave: the original bytes when they still have the codec that they came with. */
export class SinkProcessor implements Processor {
  readonly #target: SinkTarget
  readonly #task: TaskContext
  readonly #collector: RecordCollector

  constructor(target: SinkTarget, task: TaskContext, collector: RecordCollector) {
    this.#target = target
    this.#task = task
    this.#collector = collector
  }

  process(record: StreamRecord): void {
    const { name, topic, key, value, encodeValue, partition } = this.#target
    this.#task.node = name
    this.#collector.collect(
      topic,
      partition === undefined ? undefined : partition(record),
      record.timestamp,
      record.key === null ? null : record.key.bytesAs(key),
      encodeValue(record, value),
      record.headers,
    )
  }
}

/** The value of a stream's record. */
export function encodeStreamValue(record: StreamRecord, codec: Codec<unknown>): Buffer | null {
  return record.value === null ? null : record.value.bytesAs(codec)
}
