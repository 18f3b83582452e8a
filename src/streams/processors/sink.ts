import type { Codec } from '../../contracts/codec.ts'
import type { RecordCollector } from '../state/record-collector.ts'
import { fits, type RecordLimit, tooLarge } from '../../records/record-limit.ts'
import type { Processor, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/** What a sink writes as the value of a record. */
export type ValueEncoder = (record: StreamRecord, codec: Codec<unknown>) => Buffer | null

/**
 * Chooses where each record that a sink writes goes: a partition, several, or undefined for the default, by key.
 * `numPartitions` tells how many the topic has.
 */
export type SinkPartitioner = (
  record: StreamRecord,
  numPartitions: () => number,
) => number | readonly number[] | undefined

/** How many partitions a topic has that is written to. */
export type PartitionCount = (topic: string) => number

export interface SinkSurroundings {
  readonly collector: RecordCollector
  readonly partitionsOf: PartitionCount
  readonly limitOf: (topic: string) => RecordLimit
}

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
  readonly #count: () => number
  readonly #limit: RecordLimit

  constructor(target: SinkTarget, task: TaskContext, { collector, partitionsOf, limitOf }: SinkSurroundings) {
    this.#target = target
    this.#task = task
    this.#collector = collector
    this.#count = () => partitionsOf(target.topic)
    this.#limit = limitOf(target.topic)
  }

  process(record: StreamRecord): void {
    const { name, partition } = this.#target
    this.#task.node = name
    const chosen = partition === undefined ? undefined : partition(record, this.#count)
    if (typeof chosen !== 'object') return this.#write(record, chosen)
    if (chosen.length === 0) return this.#task.drop(name, 'no-partition')
    for (const each of chosen) this.#write(record, each)
  }

  #write(record: StreamRecord, partition: number | undefined): void {
    const { topic, key: keyCodec, value: valueCodec, encodeValue } = this.#target
    const { timestamp, headers } = record
    const key = record.key === null ? null : record.key.bytesAs(keyCodec)
    const value = encodeValue(record, valueCodec)
    if (!fits(key, value, headers, this.#limit)) {
      throw tooLarge(`The record for the topic "${topic}"`, { key, value, headers }, this.#limit)
    }
    this.#collector.collect(topic, partition, timestamp, key, value, headers)
  }
}

/** The value of a stream's record. */
export function encodeStreamValue(record: StreamRecord, codec: Codec<unknown>): Buffer | null {
  return record.value === null ? null : record.value.bytesAs(codec)
}
