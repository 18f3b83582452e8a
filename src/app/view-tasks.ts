import type { Position } from '../contracts/position.ts'
import { partitionFor } from '../records/partitioner.ts'
import type { Instance, InstanceTask } from './instance.ts'

import type { SubTopology } from '../streams/graph/topology.ts'
import type { TaskStores } from '../streams/state/task-stores.ts'
import type { LocalTask, LocalTasks } from '../views/local-tasks.ts'
import { storeTask } from '../views/store-task.ts'

export interface ViewTasksOptions {
  readonly application: Instance
  readonly subTopology: SubTopology
  /** Tasks of the sub-topology, on all instances. */
  readonly partitions: number
  readonly store: string
  readonly indexes: readonly string[]
}

/** The running application as one of its views sees it. */
export class ViewTasks<V> implements LocalTasks<V> {
  readonly partitions: number
  readonly topics: readonly string[]
  readonly isRepartitioned: boolean
  readonly #options: ViewTasksOptions
  readonly #known = new WeakMap<TaskStores, LocalTask<V>>()

  constructor(options: ViewTasksOptions) {
    const { sourceTopics, repartitionSources } = options.subTopology
    this.partitions = options.partitions
    this.topics = [...sourceTopics, ...repartitionSources.map(({ name }) => name)]
    this.isRepartitioned = repartitionSources.length > 0
    this.#options = options
  }

  partitionFor(key: Buffer): number {
    return partitionFor(key, this.partitions)
  }

  tasks(): LocalTask<V>[] {
    const { application, subTopology } = this.#options
    return application
      .tasks()
      .filter(task => task.subTopology === subTopology)
      .map(task => this.#of(task))
  }

  onChange(listener: () => void): () => void {
    return this.#options.application.onChange(listener)
  }

  #of(task: InstanceTask): LocalTask<V> {
    const { stores, partition } = task
    let known = this.#known.get(stores)
    if (known === undefined) {
      const { store, indexes } = this.#options
      known = storeTask<V>({ partition, stores, store, indexes, position: () => positionOf(task) })
      this.#known.set(stores, known)
    }
    return known
  }
}

/** What the committed state of a task reflects. */
export function positionOf({ committed, partition }: InstanceTask): Position {
  return Object.fromEntries(Array.from(committed, ([topic, offset]) => [topic, { [partition]: offset }]))
}
