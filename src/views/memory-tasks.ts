import { json } from '../contracts/json.ts'
import { mergePositions, type Position } from '../contracts/position.ts'
import type { RecordCollector } from '../streams/state/record-collector.ts'
import type { ByteString, StateEngine } from '../streams/state/byte-store.ts'
import { MemoryEngine } from '../streams/state/memory.ts'
import { TaskStores } from '../streams/state/task-stores.ts'
import type { LocalTask, LocalTasks } from './local-tasks.ts'
import { SecondaryIndexes } from './secondary-index.ts'
import { storeTask } from './store-task.ts'

export interface MemoryTasksOptions {
  readonly partitions: number
  readonly topics: readonly string[]
  readonly isRepartitioned?: boolean
  readonly indexes: readonly string[]
  readonly partitionFor: (key: Buffer) => number
  /** Where the state is. Default: memory. */
  readonly engine?: StateEngine
}

/** The tasks of a view without an application: rows are put and committed by hand. For tests of what stands on views. */
export class MemoryTasks<V> implements LocalTasks<V> {
  readonly partitions: number
  readonly topics: readonly string[]
  readonly isRepartitioned: boolean
  readonly #engine: StateEngine
  readonly #tasks: ManualTask<V>[] = []
  readonly #partitionFor: (key: Buffer) => number
  readonly #indexes: readonly string[]
  readonly #listeners = new Set<() => void>()

  constructor({
    partitions,
    topics,
    isRepartitioned = false,
    indexes,
    partitionFor,
    engine = new MemoryEngine(),
  }: MemoryTasksOptions) {
    this.partitions = partitions
    this.topics = topics
    this.isRepartitioned = isRepartitioned
    this.#indexes = indexes
    this.#partitionFor = partitionFor
    this.#engine = engine
  }

  /** Makes one partition's task appear, empty. */
  open(partition: number): ManualTask<V> {
    const stores = new TaskStores(this.#engine.openTask(`0_${partition}`))
    const task = new ManualTask<V>(partition, stores, this.#indexes, () => this.#changed())
    this.#tasks.push(task)
    this.#changed()
    return task
  }

  /** Makes one partition's task disappear, as when it moves to another instance; its state stays in the engine. */
  async leave(partition: number): Promise<void> {
    const at = this.#tasks.findIndex(task => task.partition === partition)
    const left = this.#tasks.splice(at, at < 0 ? 0 : 1)
    this.#changed()
    await Promise.all(left.map(task => task.stores.close()))
  }

  openAll(): this {
    for (let partition = 0; partition < this.partitions; partition++) this.open(partition)
    return this
  }

  /** Puts rows into the tasks of their keys (undefined deletes) and commits them. */
  put(rows: Iterable<readonly [key: Buffer, row: V | undefined]>): void {
    for (const [key, row] of rows) this.taskOf(key).put(key.toString('latin1'), row)
    for (const task of this.#tasks) task.commit({})
  }

  taskOf(key: Buffer): ManualTask<V> {
    const partition = this.#partitionFor(key)
    const task = this.#tasks.find(task => task.partition === partition)
    if (task === undefined) throw new RangeError(`partition ${partition} is not open`)
    return task
  }

  partitionFor(key: Buffer): number {
    return this.#partitionFor(key)
  }

  tasks(): readonly ManualTask<V>[] {
    return this.#tasks
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** How many wait for a change. */
  get listeners(): number {
    return this.#listeners.size
  }

  async close(): Promise<void> {
    await Promise.all(this.#tasks.splice(0).map(task => task.stores.close()))
    this.#changed()
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}

const ROWS = 'rows'

export class ManualTask<V> implements LocalTask<V> {
  readonly partition: number
  readonly rows: LocalTask<V>['rows']
  readonly index: LocalTask<V>['index']
  readonly stores: TaskStores
  readonly #committed: () => void
  #position: Position = {}

  constructor(partition: number, stores: TaskStores, indexes: readonly string[], committed: () => void) {
    stores.open({ name: ROWS, value: json(), changelog: undefined })
    stores.observe(ROWS, new SecondaryIndexes(ROWS, indexes))
    const task = storeTask<V>({ partition, stores, store: ROWS, indexes, position: () => this.#position })
    this.partition = partition
    this.rows = task.rows
    this.index = task.index
    this.stores = stores
    this.#committed = committed
  }

  put(key: ByteString, row: V | undefined): void {
    this.stores.keyValue<V>(ROWS).put(key, row ?? null, 0)
  }

  commit(position: Position): void {
    this.stores.writeChangelog(noChangelog)
    this.stores.commit({})
    this.#position = mergePositions(this.#position, position)
    this.#committed()
  }

  position(): Position {
    return this.#position
  }
}

/** The store has no changelog. */
const noChangelog: RecordCollector = {
  collect() {
    throw new Error('a store without a changelog wrote to it')
  },
}
