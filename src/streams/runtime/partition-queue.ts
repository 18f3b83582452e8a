import type { RecordColumns } from '../../records/record-columns.ts'
import type { SourceProcessor } from '../processors/source.ts'
import type { TaskInput } from './task-options.ts'

/** The fetched and not yet processed records of one input partition, in offset order (Kafka Streams: RecordQueue). */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  readonly source: SourceProcessor
  /** Timestamp of the next record; Infinity when there is none. */
  headTimestamp = Infinity
  /** Records waiting. */
  buffered = 0
  /** The record at the head; valid while `headTimestamp` is finite. */
  columns: RecordColumns | undefined = undefined
  index = 0
  /** Next offset to process; undefined before the first input. */
  position: number | undefined = undefined
  #waiting: RecordColumns[] = []
  #nextOffset = 0

  constructor(topic: string, partition: number, source: SourceProcessor) {
    this.topic = topic
    this.partition = partition
    this.source = source
  }

  add(input: TaskInput): void {
    this.position ??= input.fromOffset
    this.#nextOffset = input.nextOffset
    for (const batch of input.batches) {
      const columns = batch.records()
      const first = firstAtOrAbove(columns, input.fromOffset)
      if (first === columns.count) continue
      this.buffered += columns.count - first
      if (this.columns === undefined) {
        this.columns = columns
        this.index = first
      } else {
        this.#waiting.push(columns)
      }
    }
    this.#look()
  }

  /** Goes past the record at the head, which was processed. */
  advance(): void {
    const columns = this.columns as RecordColumns
    this.position = columns.offset(this.index) + 1
    this.buffered--
    if (++this.index === columns.count) {
      this.columns = this.#waiting.shift()
      this.index = 0
    }
    this.#look()
  }

  #look(): void {
    if (this.columns === undefined) {
      this.headTimestamp = Infinity
      if (this.#nextOffset > (this.position as number)) this.position = this.#nextOffset
    } else {
      this.headTimestamp = this.columns.timestamp(this.index)
    }
  }
}

function firstAtOrAbove(columns: RecordColumns, offset: number): number {
  let index = 0
  while (index < columns.count && columns.offset(index) < offset) index++
  return index
}
