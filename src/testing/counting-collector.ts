import type { RecordBatch, RecordHeader } from '../records/record-batch.ts'
import { RecordBatchBuilder } from '../records/record-batch-builder.ts'
import type { RecordCollector } from '../streams/state/record-collector.ts'
import { buildAt } from './record-batches.ts'

const BATCH_RECORDS = 1_000

/** Where the tasks of a batch driver write to: counts every record, and keeps those that another task reads. */
export class CountingCollector implements RecordCollector {
  readonly #topics = new Map<string, Target>()
  readonly #read: ReadonlySet<string>

  /** `read`: the topics that some task reads. */
  constructor(read: ReadonlySet<string>) {
    this.#read = read
  }

  collect(
    topic: string,
    _partition: number | undefined,
    timestamp: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: readonly RecordHeader[],
  ): void {
    let target = this.#topics.get(topic)
    if (target === undefined) this.#topics.set(topic, (target = new Target(this.#read.has(topic))))
    target.count++
    target.batches?.append(timestamp, key, value, headers)
  }

  get written(): ReadonlyMap<string, number> {
    return new Map(Array.from(this.#topics, ([topic, { count }]) => [topic, count]))
  }

  /** Hands over what was written since the last time to topics that are read. */
  deliver(to: (topic: string, batches: readonly RecordBatch[]) => void): void {
    for (const [topic, { batches }] of this.#topics) {
      const ready = batches?.take() ?? []
      if (ready.length > 0) to(topic, ready)
    }
  }
}

class Target {
  count = 0
  readonly batches: Batches | undefined

  constructor(isRead: boolean) {
    this.batches = isRead ? new Batches() : undefined
  }
}

class Batches {
  readonly #builder = new RecordBatchBuilder()
  #nextOffset = 0
  #ready: RecordBatch[] = []

  append(
    timestamp: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: readonly RecordHeader[],
  ): void {
    this.#builder.append(timestamp, key, value, headers)
    if (this.#builder.count >= BATCH_RECORDS) this.#build()
  }

  take(): RecordBatch[] {
    if (this.#builder.count > 0) this.#build()
    const ready = this.#ready
    this.#ready = []
    return ready
  }

  #build(): void {
    this.#ready.push(buildAt(this.#builder, this.#nextOffset))
    this.#nextOffset += this.#builder.count
    this.#builder.reset()
  }
}
