import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { EvertError } from '../../errors.ts'
import { assert } from '../../internal/assert.ts'
import type { StateEngine, TaskState } from './byte-store.ts'
import { openTaskIn, REWIND_FILE } from './lmdb.ts'
import type { LmdbTask } from './lmdb-task.ts'
import type { TaskClaims } from './task-claims.ts'
import { assertTaskId, GLOBAL_TASK, isTaskId } from './task-id.ts'
import { readText, writeText } from './text-file.ts'

export interface LmdbWorkerOptions {
  /** Of the LmdbEngine that holds the directory for the whole process. */
  readonly directory: string
  readonly instanceId: string
  /** From 1. */
  readonly worker: number
  readonly claims: TaskClaims
  /** Told when a task's state was dropped because the machine went down while it was open. */
  readonly onPowerLoss: (taskId: string) => void
}

/**
 * The directory of an LmdbEngine as one of the worker threads of its process uses it. Tasks are where the engine has
 * them, so that they move between workers, and to a process without workers, with their state; each worker has its own
 * copy of the global tables, `workers/<number>/global`.
 */
export class LmdbWorkerEngine implements StateEngine {
  readonly name = 'lmdb'
  readonly instanceId: string
  readonly #options: LmdbWorkerOptions
  readonly #open = new Map<string, LmdbTask>()

  constructor(options: LmdbWorkerOptions) {
    this.instanceId = options.instanceId
    this.#options = options
  }

  get rewindId(): string | undefined {
    return readText(join(this.#options.directory, REWIND_FILE))
  }

  set rewindId(rewindId: string) {
    writeText(join(this.#options.directory, REWIND_FILE), rewindId)
  }

  /** Throws also DIRECTORY_IN_USE (retryable) while another worker has the task. */
  openTask(taskId: string): TaskState {
    assertTaskId(taskId)
    assert(!this.#open.has(taskId), `task ${taskId} is opened twice`)
    this.#take(taskId)
    const release = (): void => {
      this.#open.delete(taskId)
      this.#release(taskId)
    }
    try {
      const task = openTaskIn(this.#directoryOf(taskId), {
        onPowerLoss: () => this.#options.onPowerLoss(taskId),
        onClosed: release,
      })
      this.#open.set(taskId, task)
      return task
    } catch (error) {
      release()
      throw error
    }
  }

  isOpen(taskId: string): boolean {
    return this.#open.has(taskId) || this.#options.claims.isTaken(taskId)
  }

  /** Throws DIRECTORY_IN_USE (retryable) while another worker has the task. */
  async dropTask(taskId: string): Promise<void> {
    assertTaskId(taskId)
    assert(!this.#open.has(taskId), `task ${taskId} is dropped while it is open`)
    this.#take(taskId)
    try {
      rmSync(this.#directoryOf(taskId), { recursive: true, force: true })
    } finally {
      this.#release(taskId)
    }
  }

  tasks(): string[] {
    const { directory } = this.#options
    return existsSync(directory) ? readdirSync(directory).filter(isTaskId) : []
  }

  async close(): Promise<void> {
    for (const task of this.#open.values()) await task.close()
  }

  #take(taskId: string): void {
    const { claims, worker } = this.#options
    if (taskId === GLOBAL_TASK || claims.take(taskId, worker)) return
    throw new EvertError(
      'DIRECTORY_IN_USE',
      `Another worker of this process still has task ${taskId} open.`,
      {
        retryable: true,
      },
    )
  }

  #release(taskId: string): void {
    const { claims, worker } = this.#options
    if (taskId !== GLOBAL_TASK) claims.release(taskId, worker)
  }

  #directoryOf(taskId: string): string {
    const { directory, worker } = this.#options
    return taskId === GLOBAL_TASK
      ? join(directory, 'workers', String(worker), GLOBAL_TASK)
      : join(directory, taskId)
  }
}
