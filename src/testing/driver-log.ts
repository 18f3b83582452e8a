import { EvertError } from '../errors.ts'
import { partitionFor } from '../records/partitioner.ts'
import type { PartitionCount } from '../streams/processors/sink.ts'
import type { RawRecord } from './single-record.ts'
import type { LogRecord, Reader, Turns } from './turns.ts'

/** The log of a test driver: gives records their partition and offset, and passes them to their readers. */
export class DriverLog {
  readonly #partitionsOf: PartitionCount
  readonly #turns: Turns
  readonly #readers = new Map<string, Reader[]>()
  readonly #topics = new Set<string>()
  readonly #ends = new Map<string, number>()
  /** Of records without a key, by topic. */
  readonly #nextPartition = new Map<string, number>()

  constructor(partitionsOf: PartitionCount, turns: Turns) {
    this.#partitionsOf = partitionsOf
    this.#turns = turns
  }

  subscribe(reader: Reader, topic: string, partition: number): void {
    this.#topics.add(topic)
    const place = placeOf(topic, partition)
    this.#readers.set(place, [...(this.#readers.get(place) ?? []), reader])
  }

  /** The topics that somebody reads. */
  get readTopics(): readonly string[] {
    return [...this.#topics]
  }

  /**
   * `partition` undefined: by the key, or in turn where there is none. Throws INVALID_ARGUMENT when the topic has no
   * such partition.
   */
  append(topic: string, partition: number | undefined, record: Omit<RawRecord, 'offset'>): LogRecord {
    const chosen = partition ?? this.#choose(topic, record.key)
    const count = this.#partitionsOf(topic)
    if (!Number.isInteger(chosen) || chosen < 0 || chosen >= count) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        `The topic "${topic}" has no partition ${chosen}; it has ${count}, from 0 to ${count - 1}.`,
      )
    }
    const place = placeOf(topic, chosen)
    const offset = this.#ends.get(place) ?? 0
    this.#ends.set(place, offset + 1)
    const appended: LogRecord = { topic, partition: chosen, record: { ...record, offset } }
    for (const reader of this.#readers.get(place) ?? []) this.#turns.arrive(reader, appended)
    return appended
  }

  #choose(topic: string, key: Buffer | null): number {
    const count = this.#partitionsOf(topic)
    if (key !== null) return partitionFor(key, count)
    const next = this.#nextPartition.get(topic) ?? 0
    this.#nextPartition.set(topic, (next + 1) % count)
    return next
  }
}

function placeOf(topic: string, partition: number): string {
  return `${topic}-${partition}`
}
