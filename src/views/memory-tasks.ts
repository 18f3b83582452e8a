import { mergePositions, type Position } from '../contracts/position.ts'
import type { ByteStore, ByteString, TaskState } from '../streams/state/byte-store.ts'
import { MemoryEngine } from '../streams/state/memory.ts'
import type { CommittedRows, LocalTask, LocalTasks } from './local-tasks.ts'
import { indexStoreName, SecondaryIndex } from './secondary-index.ts'

export interface MemoryTasksOptions {
  readonly partitions: number
  readonly topics: readonly string[]
  readonly indexes: readonly string[]
  readonly partitionFor: (key: Buffer) => number
}

/** The tasks of a view without an application: rows are put and committed by hand. For tests of what stands on views. */
export class MemoryTasks<V> implements LocalTasks<V> {
  readonly partitions: number
  readonly topics: readonly string[]
  readonly #engine = new MemoryEngine()
  readonly #tasks: MemoryViewTask<V>[] = []
  readonly #partitionFor: (key: Buffer) => number
  readonly #indexes: readonly string[]
  readonly #listeners = new Set<() => void>()

  constructor({ partitions, topics, indexes, partitionFor }: MemoryTasksOptions) {
    this.partitions = partitions
    this.topics = topics
    this.#indexes = indexes
    this.#partitionFor = partitionFor
  }

  /** Makes one partition's task appear, empty. */
  open(partition: number): MemoryViewTask<V> {
    const state = this.#engine.openTask(`0_${partition}`)
    const task = new MemoryViewTask<V>(partition, state, this.#indexes, () => this.#changed())
    this.#tasks.push(task)
    this.#changed()
    return task
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

  taskOf(key: Buffer): MemoryViewTask<V> {
    const partition = this.#partitionFor(key)
    const task = this.#tasks.find(task => task.partition === partition)
    if (task === undefined) throw new RangeError(`partition ${partition} is not open`)
    return task
  }

  partitionFor(key: Buffer): number {
    return this.#partitionFor(key)
  }

  tasks(): readonly MemoryViewTask<V>[] {
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

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}

const ROWS = 'rows'

export class MemoryViewTask<V> implements LocalTask<V> {
  readonly partition: number
  readonly rows: CommittedRows<V>
  readonly #state: TaskState
  readonly #indexes: readonly SecondaryIndex[]
  readonly #committed: () => void
  readonly #pending = new Map<ByteString, V | undefined>()
  #position: Position = {}

  constructor(partition: number, state: TaskState, indexes: readonly string[], committed: () => void) {
    this.partition = partition
    this.#state = state
    this.#indexes = indexes.map(field => new SecondaryIndex(ROWS, field))
    this.#committed = committed
    this.rows = decodedRows<V>(state.store(ROWS))
  }

  put(key: ByteString, row: V | undefined): void {
    this.#pending.set(key, row)
  }

  commit(position: Position): void {
    for (const [key, row] of this.#pending) {
      const old = this.rows.get(key)
      for (const index of this.#indexes) index.observe(key, old, row)
    }
    const rows = [...this.#pending].map(
      ([key, row]) => [key, row === undefined ? undefined : Buffer.from(JSON.stringify(row))] as const,
    )
    this.#pending.clear()
    this.#state.commit(
      [{ store: ROWS, entries: rows }, ...this.#indexes.map(index => index.takeWrites())],
      {},
    )
    this.#position = mergePositions(this.#position, position)
    this.#committed()
  }

  index(field: string): ByteStore | undefined {
    return this.#indexes.some(index => index.field === field)
      ? this.#state.store(indexStoreName(ROWS, field))
      : undefined
  }

  position(): Position {
    return this.#position
  }
}

function decodedRows<V>(store: ByteStore): CommittedRows<V> {
  const parse = (bytes: Buffer) => JSON.parse(bytes.toString()) as V
  return {
    get(key) {
      const bytes = store.get(key)
      return bytes === undefined ? undefined : parse(bytes)
    },
    *range(from, to) {
      for (const [key, bytes] of store.range(from, to)) yield [key, parse(bytes)]
    },
    get size() {
      return store.size
    },
  }
}
