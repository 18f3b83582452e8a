import type { SubTopology } from '../../streams/graph/topology.ts'
import { POSITION_MARK, readPosition } from '../../streams/runtime/position-mark.ts'
import { LmdbSnapshot } from '../../streams/state/lmdb-snapshot.ts'
import { TaskStores } from '../../streams/state/task-stores.ts'
import type { InstanceTask } from '../instance.ts'
import type { WorkerTask } from './messages.ts'

interface Opened {
  readonly snapshot: LmdbSnapshot
  readonly stores: TaskStores
}

/**
 * A task of a worker as the main thread reads it: its committed state, by snapshots of the worker's LMDB, opened when a
 * view first asks.
 *
 * Why rows and position belong together: once the task has committed, its position is read from the same snapshot as
 * the rows. Until then the state is that of the restore, and the position is what the worker reported after it.
 */
export class SnapshotTask implements InstanceTask {
  readonly id: string
  readonly subTopology: SubTopology
  readonly partition: number
  /** Number of the worker that runs it. */
  readonly worker: number
  readonly #directory: string
  #offsets: ReadonlyMap<string, number>
  #hasCommitted = false
  #opened: Opened | undefined

  constructor(
    { id, offsets }: WorkerTask,
    { subTopology, worker, directory }: { subTopology: SubTopology; worker: number; directory: string },
  ) {
    this.id = id
    this.subTopology = subTopology
    this.partition = Number(id.split('_')[1])
    this.worker = worker
    this.#directory = directory
    this.#offsets = offsets
  }

  get stores(): TaskStores {
    this.#opened ??= this.#open()
    return this.#opened.stores
  }

  get committed(): ReadonlyMap<string, number> {
    if (!this.#hasCommitted || this.#opened === undefined) return this.#offsets
    return readPosition(this.#opened.snapshot.metadata(POSITION_MARK))
  }

  /** The worker says that something was committed, or may have been. */
  update({ offsets }: WorkerTask): void {
    this.#hasCommitted ||= [...offsets].some(([topic, offset]) => this.#offsets.get(topic) !== offset)
    this.#offsets = offsets
    this.#opened?.snapshot.refresh()
  }

  async close(): Promise<void> {
    await this.#opened?.snapshot.close()
  }

  #open(): Opened {
    const snapshot = new LmdbSnapshot(this.#directory, this.id)
    const stores = new TaskStores(snapshot)
    for (const { name, value } of this.subTopology.stores) stores.open({ name, value, changelog: undefined })
    return { snapshot, stores }
  }
}
