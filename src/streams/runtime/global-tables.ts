import type { Cluster } from '../../client/cluster.ts'
import { type FetchedPartition, Fetcher } from '../../client/fetcher.ts'
import { holdProcess } from '../../internal/hold-process.ts'
import { EvertError } from '../../errors.ts'
import { assert } from '../../internal/assert.ts'
import { deferred } from '../../internal/deferred.ts'
import type { MetricSheet } from '../../internal/metric.ts'
import type { GlobalTable } from '../graph/topology.ts'
import { streamsMetrics } from '../metrics/definitions.ts'
import type { StoreAccess } from '../processors/processor.ts'
import type { StateEngine } from '../state/byte-store.ts'
import { readOnly } from '../state/read-only-store.ts'
import type { KeyValueStore } from '../state/store.ts'
import type { StoreObserver } from '../state/store-observer.ts'
import type { RecordCounts } from './record-counts.ts'
import { GLOBAL_TASK } from '../state/task-id.ts'
import { TaskStores } from '../state/task-stores.ts'
import { globalMark, type GlobalPartition, openPositions } from './global-positions.ts'
import { GlobalLetters } from './global-letters.ts'
import { GlobalRows } from './global-rows.ts'
import type { Logger } from './logger.ts'
import type { RestoreProgress } from './restore.ts'
import type { ErrorPolicy } from '../processors/error-policy.ts'
import type { RecordLimit } from '../../records/record-limit.ts'

export interface GlobalTablesOptions {
  readonly tables: readonly GlobalTable[]
  readonly cluster: Cluster
  readonly engine: StateEngine
  readonly applicationId: string
  readonly onError: ErrorPolicy
  readonly limitOf: (topic: string) => RecordLimit
  readonly logger: Logger
  /** Of all tasks of the instance. */
  readonly counts: RecordCounts
  readonly observersOf: (store: string) => readonly StoreObserver<unknown>[]
  readonly onRestore: (taskId: string, progress: RestoreProgress) => void
  /** How long a topic may be missing before they cannot be followed any longer. */
  readonly topicTimeoutMs: number
  /** They cannot be followed any longer. */
  readonly onFailure: (error: Error) => void
  readonly onCommit: () => void
}

/**
 * The global tables of one instance (Kafka Streams: GlobalStreamThread).
 *
 * Algorithm: every partition of their topics is read as committed, from where the stores stand; the records of a
 * fetch become rows and are committed with the offset behind them. `fill` ends when all have come as far as the topics
 * went when it began; the tables then go on following them, independently of the tasks.
 *
 * State: one store per table, all of them in the state of one task; per table the next offset of each partition.
 *
 * Why it is correct: rows and offset of a fetch are one commit of the engine, so after a crash the rest is read again
 * and nothing twice; rows are the latest record of their key in its partition, so reading on gives what reading
 * everything would have given. A task sees a row change between two records, never within one: both run in turns of
 * one event loop, without an await inside.
 */
export class GlobalTables implements StoreAccess {
  readonly #options: GlobalTablesOptions
  /** By topic and partition, those of all tables of the topic. */
  readonly #partitions = new Map<string, GlobalPartition[]>()
  readonly #filled = deferred<void>()
  readonly #letters: GlobalLetters
  readonly #rows: GlobalRows
  #stores: TaskStores | undefined
  #fetcher: Fetcher | undefined
  #filling: Promise<void> | undefined
  #following: Promise<void> | undefined
  #isFilled = false
  #isStopped = false

  constructor(options: GlobalTablesOptions) {
    this.#options = options
    this.#letters = new GlobalLetters(options.cluster)
    this.#rows = new GlobalRows({
      ...options,
      collector: this.#letters,
      warn: text => options.logger.warn(text),
    })
  }

  /** Resolves when every table has come to the end that its topic has now. Throws TASK_FAILED, and CLOSED after `stop`. */
  fill(): Promise<void> {
    return (this.#filling ??= this.#fill())
  }

  /** Read only. The tables are filled. */
  keyValue<V>(store: string): KeyValueStore<V> {
    return readOnly(this.stores.keyValue<V>(store))
  }

  get stores(): TaskStores {
    assert(this.#stores !== undefined, 'global tables are read before they are filled')
    return this.#stores
  }

  get isFilled(): boolean {
    return this.#isFilled
  }

  /** Records that did not decode. */
  get refused(): number {
    return this.#rows.refused
  }

  report(sheet: MetricSheet): void {
    if (this.#stores === undefined || this.#isStopped) return
    for (const { store } of this.#options.tables) {
      const keys = this.#stores.bytes(store.name).size
      sheet.set(streamsMetrics.keys, keys, { task: GLOBAL_TASK, store: store.name })
    }
  }

  /** What the rows of a store reflect: next offsets, by partition. */
  offsetsOf(store: string): Record<number, number> {
    const own = [...this.#partitions.values()].flat().filter(({ table }) => table.store.name === store)
    return Object.fromEntries(own.map(({ partition, next }) => [partition, next]))
  }

  /** Ends the reading; rows stay readable until `close`. */
  stop(): void {
    this.#isStopped = true
    this.#fetcher?.wakeUp()
  }

  async close(): Promise<void> {
    this.stop()
    await this.#filling?.catch(() => {})
    await this.#following
    await this.#fetcher?.close()
    await this.#letters.close()
    await this.#stores?.close()
  }

  async #fill(): Promise<void> {
    if (this.#options.tables.length === 0) return
    this.#assertGoesOn()
    const { cluster, tables, engine, logger, topicTimeoutMs } = this.#options
    const state = engine.openTask(GLOBAL_TASK)
    this.#stores = new TaskStores(state)
    const partitions = await openPositions(cluster, tables, state, logger)
    this.#openStores()
    for (const each of partitions) this.#partitions.set(keyOf(each), [])
    for (const each of partitions) this.#partitions.get(keyOf(each))?.push(each)
    this.#assertGoesOn()
    this.#fetcher = new Fetcher(cluster, { offsetReset: 'fail', topicTimeoutMs })
    this.#fetcher.assign([...this.#partitions.values()].map(earliestOf))
    this.#following = this.#follow(this.#fetcher)
    await this.#filled.promise
  }

  #openStores(): void {
    for (const { store } of this.#options.tables) {
      // The topic is the changelog; others write it.
      this.stores.open({ name: store.name, value: store.value, changelog: undefined })
      for (const observer of this.#options.observersOf(store.name)) this.stores.observe(store.name, observer)
    }
  }

  async #follow(fetcher: Fetcher): Promise<void> {
    const release = holdProcess()
    try {
      for (;;) {
        this.#settle()
        this.#assertGoesOn()
        this.#addPartitions(fetcher)
        for (const part of await fetcher.poll({ maxWaitMs: IDLE_POLL_MS })) {
          await this.#apply(part)
          // Tasks want the thread between two commits.
          await new Promise(resolve => setImmediate(resolve))
        }
      }
    } catch (error) {
      if (!this.#isFilled) this.#filled.reject(error)
      else if (!this.#isStopped) this.#options.onFailure(error as Error)
    } finally {
      release()
    }
  }

  #settle(): void {
    if (this.#isFilled) return
    for (const { next, end } of [...this.#partitions.values()].flat()) if (next < end) return
    this.#isFilled = true
    this.#filled.resolve()
  }

  #assertGoesOn(): void {
    if (this.#isStopped) throw new EvertError('CLOSED', 'The global tables were closed.')
  }

  /** Partitions that a topic was given since. */
  #addPartitions(fetcher: Fetcher): void {
    const { tables, cluster } = this.#options
    for (const topic of new Set(tables.map(table => table.topic))) {
      const metadata = cluster.metadata.topic(topic)
      for (let partition = metadata?.leaders.length ?? 0; partition-- > 0; ) {
        const key = keyOf({ topic, partition })
        if (this.#partitions.has(key)) continue
        const topicId = metadata?.topicId as string
        const places = tables
          .filter(table => table.topic === topic)
          .map(table => ({ table, topic, topicId, partition, next: 0, end: 0, records: 0 }))
        this.#partitions.set(key, places)
        fetcher.assign([{ topic, partition, offset: 'earliest' }])
      }
    }
  }

  async #apply(part: FetchedPartition): Promise<void> {
    const places = this.#partitions.get(keyOf(part))
    assert(places !== undefined, 'a partition came that was not asked for')
    const marks: Record<string, string> = {}
    // A table that was derived since the last run is behind the others.
    const behind = places.filter(({ next }) => next < part.nextOffset)
    for (const place of behind) {
      const { table, topicId, partition, next } = place
      const rows = this.stores.keyValue<unknown>(table.store.name)
      const own = { ...part, firstOffset: Math.max(part.firstOffset, next) }
      place.records += this.#rows.write(table, own, rows)
      Object.assign(marks, globalMark(table, { topicId, partition, next: part.nextOffset }))
    }
    await this.#letters.flush()
    this.stores.writeChangelog(NOWHERE)
    this.stores.commit(marks)
    for (const place of behind) {
      place.next = part.nextOffset
      if (!this.#isFilled) this.#tellProgress(place.table.store.name)
    }
    this.#options.onCommit()
  }

  #tellProgress(store: string): void {
    let records = 0
    let remaining = 0
    for (const each of [...this.#partitions.values()].flat()) {
      if (each.table.store.name !== store) continue
      records += each.records
      remaining += Math.max(0, each.end - each.next)
    }
    this.#options.onRestore(GLOBAL_TASK, { store, records, remaining })
  }
}

const IDLE_POLL_MS = 500

/** The stores have no changelogs of their own. */
const NOWHERE = {
  collect(): void {
    throw new EvertError('INVALID_ARGUMENT', 'A global table writes no changelog.')
  },
}

/** Where the table begins to read that is furthest behind. */
function earliestOf(places: readonly GlobalPartition[]): {
  topic: string
  partition: number
  offset: number
} {
  const [{ topic, partition }] = places as [GlobalPartition]
  return { topic, partition, offset: Math.min(...places.map(({ next }) => next)) }
}

function keyOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${partition}/${topic}`
}
