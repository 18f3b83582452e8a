import type { Topic } from '../contracts/topic.ts'
import { EvertError } from '../errors.ts'
import type { RecordBatch } from '../records/record-batch.ts'
import type { StreamsBuilder } from '../streams/dsl/streams-builder.ts'
import type { View } from '../streams/dsl/view.ts'
import type { StoreDefinition, Topology } from '../streams/graph/topology.ts'
import { type DroppedRecords, RecordCounts } from '../streams/runtime/record-counts.ts'
import type { StateEngine } from '../streams/state/byte-store.ts'
import { LmdbEngine } from '../streams/state/lmdb.ts'
import { MemoryEngine } from '../streams/state/memory.ts'
import { BatchTask } from './batch-task.ts'
import { CountingCollector } from './counting-collector.ts'
import { storeNameOf, type StoredRow } from './stored-rows.ts'

export interface BatchDriverOptions {
  /** Prefix of the internal topics. Default `test`. */
  readonly applicationId?: string
  /** State lives in LMDB in this directory, which nobody else may have open. Default: in memory. */
  readonly stateDir?: string
  /** Records that the tasks process between two commits. Default 10,000. */
  readonly commitEvery?: number
}

/**
 * Drives the tasks of a topology at full speed and without a log: for benchmarks and load tests. What runs is what
 * runs in an application, record by record: its tasks, its state stores with their changelogs, its commits. What is
 * left out is the log: batches are given to `feed`, outputs are encoded and counted, and changelogs lead nowhere.
 * For tests of results use `testDriver`, which shows outputs and runs one record at a time.
 *
 * One partition per topic. Records of repartition topics, and of topics that the topology both writes and reads,
 * reach the task that reads them at the next commit; a processor that asks for one gets it within 1,000 records. The wall clock does not call punctuations.
 *
 * @example
 * await using driver = batchDriver(builder, { stateDir: './bench-state' })
 * driver.feed(orders, recordBatches(orders, records))
 * const processed = driver.run()
 */
export function batchDriver(
  source: StreamsBuilder | { topology(): Topology },
  options: BatchDriverOptions = {},
): BatchDriver {
  const topology = 'build' in source ? source.build(options.applicationId ?? 'test') : source.topology()
  return new BatchDriver(topology, options)
}

export class BatchDriver implements AsyncDisposable {
  readonly #engine: StateEngine
  readonly #tasks: BatchTask[]
  readonly #collector: CountingCollector
  readonly #counts = new RecordCounts()
  readonly #commitEvery: number
  readonly #views: Topology['views']
  #sinceCommit = 0

  /** Throws INVALID_ARGUMENT, DIRECTORY_IN_USE or DISK. */
  constructor(topology: Topology, { stateDir, commitEvery = 10_000 }: BatchDriverOptions) {
    if (topology.globalTables.length > 0) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        'The topology has global tables, which the batch driver does not fill. Use testDriver, or an application.',
      )
    }
    if (!Number.isInteger(commitEvery) || commitEvery < 1) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        `commitEvery is ${commitEvery}; it must be a whole number, 1 or more.`,
      )
    }
    this.#commitEvery = commitEvery
    this.#views = topology.views
    this.#engine = stateDir === undefined ? new MemoryEngine() : new LmdbEngine(stateDir)
    const read = new Set(
      topology.subTopologies.flatMap(part => [
        ...part.sourceTopics,
        ...part.repartitionSources.map(topic => topic.name),
      ]),
    )
    this.#collector = new CountingCollector(read)
    this.#tasks = topology.subTopologies.map(
      part =>
        new BatchTask(part, this.#engine, {
          collector: this.#collector,
          counts: this.#counts.of(`${part.id}_0`),
        }),
    )
  }

  /** Gives the topology records of one of its input topics, in offset order; `run` processes them. */
  feed(topic: Topic<unknown, unknown> | string, batches: Iterable<RecordBatch>): void {
    const name = typeof topic === 'string' ? topic : topic.name
    const readers = this.#tasks.filter(task => task.reads(name))
    if (readers.length === 0) {
      const readable = new Set(this.#tasks.flatMap(task => task.topics))
      throw new EvertError(
        'INVALID_ARGUMENT',
        `The topology does not read the topic "${name}". It reads ${[...readable].join(', ')}.`,
      )
    }
    const list = [...batches]
    for (const task of readers) task.feed(name, list)
  }

  /**
   * Processes everything that was fed and everything that follows from it, and commits. Returns how many records the
   * tasks took, those of internal topics included. Throws TASK_FAILED; the driver is then of no more use.
   * INVALID_ARGUMENT when the topology has asynchronous functions.
   */
  run(): number {
    if (this.#tasks.some(task => task.makesCalls)) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        'The topology has asynchronous functions, which the batch driver does not call. Use testDriver, or an application.',
      )
    }
    let processed = 0
    for (;;) {
      let done = 0
      for (const task of this.#tasks) {
        done += this.#step(task)
      }
      processed += done
      if (done > 0) continue
      if (this.#sinceCommit === 0) return processed
      this.#commit()
    }
  }

  /** Records written so far, by topic: outputs, repartition topics and changelogs. */
  get written(): ReadonlyMap<string, number> {
    return this.#collector.written
  }

  /** How many records were dropped so far, by operator and reason: see `Running.dropped`. */
  dropped(): DroppedRecords[] {
    return this.#counts.dropped()
  }

  /** The rows of a view or a key-value store, in the byte order of their keys. */
  *rows<K = unknown, V = unknown>(from: View<K, V> | string): Generator<StoredRow<K, V>> {
    const { definition, task } = this.#store(storeNameOf(this.#views, from))
    for (const [key, { value, timestamp }] of task.stores.keyValue<V>(definition.name).range()) {
      yield { key: definition.key.decode(Buffer.from(key, 'latin1')) as K, value, timestamp }
    }
  }

  /** Ends the tasks and closes the stores; state in a directory stays there. Throws what processors throw that are closed. */
  async close(): Promise<void> {
    await using closing = new AsyncDisposableStack()
    closing.defer(() => this.#engine.close())
    for (const task of this.#tasks) closing.defer(() => task.close())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #step(task: BatchTask): number {
    const done = task.process(this.#commitEvery - this.#sinceCommit)
    this.#sinceCommit += done
    if (this.#sinceCommit >= this.#commitEvery || task.wantsCommit) this.#commit()
    return done
  }

  /** All tasks together, as a worker does. */
  #commit(): void {
    this.#sinceCommit = 0
    for (const task of this.#tasks) task.stores.writeChangelog(this.#collector)
    for (const task of this.#tasks) task.commit()
    this.#collector.deliver((topic, batches) => this.feed(topic, batches))
  }

  #store(name: string): { definition: StoreDefinition; task: BatchTask } {
    for (const task of this.#tasks) {
      const definition = task.definitions.find(store => store.name === name)
      if (definition !== undefined) return { definition, task }
    }
    const names = this.#tasks.flatMap(task => task.definitions.map(store => store.name))
    throw new EvertError(
      'INVALID_ARGUMENT',
      `The topology has no store "${name}". It has ${names.join(', ') || 'none'}.`,
    )
  }
}
