import type { RecordBatch } from '../records/record-batch.ts'
import type { StoreDefinition, SubTopology } from '../streams/graph/topology.ts'
import type { RecordCollector } from '../streams/state/record-collector.ts'
import type { TaskCounts } from '../streams/runtime/record-counts.ts'
import { Task } from '../streams/runtime/task.ts'
import type { StateEngine } from '../streams/state/byte-store.ts'
import { TaskStores } from '../streams/state/task-stores.ts'

/**
 * So many records are processed at a time, and so many of every input are handed to the task before: what is chosen
 * next by timestamp then never depends on the size of a batch.
 */
const STEP = 1_000

/** The task of one sub-topology in a batch driver, with its stores and the batches that wait for it. */
export class BatchTask {
  readonly topics: readonly string[]
  readonly definitions: readonly StoreDefinition[]
  readonly stores: TaskStores
  readonly #task: Task
  readonly #waiting = new Map<string, RecordBatch[]>()

  constructor(
    subTopology: SubTopology,
    engine: StateEngine,
    { collector, counts }: { collector: RecordCollector; counts: TaskCounts },
  ) {
    this.topics = [...subTopology.sourceTopics, ...subTopology.repartitionSources.map(topic => topic.name)]
    this.definitions = subTopology.stores
    this.stores = new TaskStores(engine.openTask(`${subTopology.id}_0`))
    for (const { name, value, changelog } of subTopology.stores) {
      const isLogged = changelog !== undefined && !changelog.isSource
      this.stores.open({
        name,
        value,
        changelog: isLogged ? { topic: changelog.topic, partition: 0 } : undefined,
      })
    }
    this.#task = new Task({
      subTopology,
      partition: 0,
      stores: this.stores,
      collector,
      counts,
      partitionsOf: () => 1,
    })
  }

  /** A processor asked for a commit since the last one. */
  get wantsCommit(): boolean {
    return this.#task.wantsCommit
  }

  /** It has asynchronous functions. */
  get makesCalls(): boolean {
    return this.#task.calls.areMade
  }

  reads(topic: string): boolean {
    return this.topics.includes(topic)
  }

  feed(topic: string, batches: readonly RecordBatch[]): void {
    // Taken from the end: what is processed is let go at once.
    this.#waiting.set(topic, [...batches.toReversed(), ...(this.#waiting.get(topic) ?? [])])
  }

  /** Processes up to `maxRecords` of the waiting records and returns how many. */
  process(maxRecords: number): number {
    for (const [topic, waiting] of this.#waiting) {
      while (waiting.length > 0 && this.#task.bufferedOf(topic) < STEP) {
        this.#enqueue(topic, waiting.pop() as RecordBatch)
      }
    }
    return this.#task.process(Math.min(maxRecords, STEP))
  }

  #enqueue(topic: string, batch: RecordBatch): void {
    this.#task.enqueue({
      topic,
      partition: 0,
      batches: [batch],
      fromOffset: batch.baseOffset,
      nextOffset: batch.nextOffset,
    })
  }

  commit(): void {
    this.#task.committed()
    this.stores.commit({})
  }

  /** Throws what processors throw that are closed. */
  async close(): Promise<void> {
    const errors: unknown[] = []
    this.#task.close(error => errors.push(error))
    await this.stores.close()
    if (errors.length > 0) throw errors[0]
  }
}
