import type { GlobalTable } from '../streams/graph/topology.ts'
import type { Instance } from './instance.ts'
import type { LocalTask, LocalTasks } from '../views/local-tasks.ts'
import { storeTask } from '../views/store-task.ts'

export interface GlobalViewTasksOptions {
  readonly application: Instance
  readonly table: GlobalTable
  readonly indexes: readonly string[]
}

/** A global table as one of its views sees it: one task that has all rows. */
export class GlobalViewTasks<V> implements LocalTasks<V> {
  readonly partitions = 1
  readonly topics: readonly string[]
  readonly #options: GlobalViewTasksOptions
  #task: LocalTask<V> | undefined

  constructor(options: GlobalViewTasksOptions) {
    this.topics = [options.table.topic]
    this.#options = options
  }

  get inputPartitions(): number {
    return Object.keys(this.#offsets()).length
  }

  partitionFor(): number {
    return 0
  }

  tasks(): LocalTask<V>[] {
    const { application, table, indexes } = this.#options
    const { globalTables } = application
    if (!globalTables.isFilled) return []
    const { topic, store } = table
    this.#task ??= storeTask<V>({
      partition: 0,
      stores: globalTables.stores,
      store: store.name,
      indexes,
      position: () => ({ [topic]: this.#offsets() }),
    })
    return [this.#task]
  }

  onChange(listener: () => void): () => void {
    return this.#options.application.onChange(listener)
  }

  #offsets(): Record<number, number> {
    const { application, table } = this.#options
    return application.globalTables.offsetsOf(table.store.name)
  }
}
