import { assert } from '../../internal/assert.ts'
import { GLOBAL_TASK } from './task-id.ts'

const FREE = 0
/** More than a topic has; the memory is not touched before it is used. */
const MAX_PARTITIONS = 1 << 16

/**
 * Which worker of this process has which task open, in memory that all its threads share: the group may give a task to
 * another worker while the one that had it hangs and has not heard of that.
 *
 * State: one int32 per task, `partition × sub-topologies + sub-topology`: the worker's number (from 1), or 0.
 */
export class TaskClaims {
  readonly memory: SharedArrayBuffer
  readonly #owners: Int32Array
  readonly subTopologies: number

  /** `memory`: that of another thread's claims. `subTopologies`: one more than the highest id. */
  constructor(
    subTopologies: number,
    memory = new SharedArrayBuffer(subTopologies * MAX_PARTITIONS * Int32Array.BYTES_PER_ELEMENT),
  ) {
    this.memory = memory
    this.#owners = new Int32Array(memory)
    this.subTopologies = subTopologies
  }

  /** Whether the task is the worker's from now on. */
  take(taskId: string, worker: number): boolean {
    return Atomics.compareExchange(this.#owners, this.#placeOf(taskId), FREE, worker) === FREE
  }

  isTaken(taskId: string): boolean {
    return Atomics.load(this.#owners, this.#placeOf(taskId)) !== FREE
  }

  release(taskId: string, worker: number): void {
    Atomics.compareExchange(this.#owners, this.#placeOf(taskId), worker, FREE)
  }

  /** Of a thread that is gone. */
  releaseAll(worker: number): void {
    for (let place = this.#owners.indexOf(worker); place >= 0; place = this.#owners.indexOf(worker, place)) {
      this.#owners[place] = FREE
    }
  }

  #placeOf(taskId: string): number {
    assert(taskId !== GLOBAL_TASK, 'each worker has global tables of its own')
    const [subTopology, partition] = taskId.split('_').map(Number) as [number, number]
    const place = partition * this.subTopologies + subTopology
    assert(place < this.#owners.length, `task ${taskId} has no place among ${this.#owners.length}`)
    return place
  }
}
