import type { RecordColumns } from '../../records/record-columns.ts'
import type { SourceProcessor, Stamp } from '../processors/source.ts'
import type { StreamRecord } from '../processors/stream-record.ts'
import type { Counter } from './record-counts.ts'
import type { TaskInput } from './task-options.ts'

/** The fetched and not yet processed records of one input partition, in offset order (Kafka Streams: RecordQueue). */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  readonly source: SourceProcessor
  /** Of its records that are behind the task's stream time. */
  outOfOrder: Counter = { count: 0 }
  /** Timestamp of the next record; Infinity when there is none. */
  headTimestamp = Infinity
  /** Records waiting. */
  buffered = 0
  /** The record at the head; valid while `headTimestamp` is finite. */
  columns: RecordColumns | undefined = undefined
  index = 0
  /** Whether nothing may be processed while this partition has no record. */
  mustWait = false
  /** Next offset to process; undefined before the first input. */
  position: number | undefined = undefined
  /** The greatest timestamp that a timestamp extractor gave to a record that was processed; -1 before. */
  partitionTime = -1
  /** The head, when an extractor gave it its timestamp; negative when the record is to be dropped. */
  stamped: StreamRecord | undefined = undefined
  /** Why the head has no timestamp; it is then -1. */
  fault: unknown = undefined
  #waiting: { readonly columns: RecordColumns; readonly first: number }[] = []
  #nextOffset = 0

  constructor(topic: string, partition: number, source: SourceProcessor) {
    this.topic = topic
    this.partition = partition
    this.source = source
  }

  get offsetsBuffered(): number {
    return this.position === undefined ? 0 : this.#nextOffset - this.position
  }

  add(input: TaskInput): void {
    this.position ??= input.fromOffset
    this.#nextOffset = input.nextOffset
    const had = this.columns
    for (const batch of input.batches) {
      const columns = batch.records()
      const first = firstAtOrAbove(columns, input.fromOffset)
      if (first === columns.count) continue
      this.buffered += columns.count - first
      if (this.columns === undefined) {
        this.columns = columns
        this.index = first
      } else {
        this.#waiting.push({ columns, first })
      }
    }
    if (had === undefined) this.#look()
  }

  /** Goes past the record at the head, which was processed. */
  advance(): void {
    const columns = this.columns as RecordColumns
    this.position = columns.offset(this.index) + 1
    this.buffered--
    if (this.stamped !== undefined && this.headTimestamp > this.partitionTime) {
      this.partitionTime = this.headTimestamp
    }
    if (++this.index === columns.count) {
      const next = this.#waiting.shift()
      this.columns = next?.columns
      this.index = next?.first ?? 0
    }
    this.#look()
  }

  #look(): void {
    if (this.columns === undefined) {
      this.headTimestamp = Infinity
      if (this.#nextOffset > (this.position as number)) this.position = this.#nextOffset
      this.stamped = undefined
    } else if (this.source.stamp === undefined) {
      this.headTimestamp = this.columns.timestamp(this.index)
    } else {
      this.#stamp(this.columns, this.source.stamp)
    }
  }

  /** A failure waits for the record's turn, which is at once: it is then treated as one of the record. */
  #stamp(columns: RecordColumns, stamp: Stamp): void {
    this.fault = undefined
    this.stamped = undefined
    this.headTimestamp = -1
    try {
      this.stamped = stamp(columns, this.index, this.partitionTime)
      this.headTimestamp = this.stamped.timestamp
    } catch (error) {
      this.fault = error
    }
  }
}

function firstAtOrAbove(columns: RecordColumns, offset: number): number {
  let index = 0
  while (index < columns.count && columns.offset(index) < offset) index++
  return index
}
