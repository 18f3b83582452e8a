import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { assert } from '../../internal/assert.ts'
import { acquireLock, type DirectoryLock, directoryInUse } from '../../internal/directory-lock.ts'
import { wasOpenAtPowerLoss } from './boot-mark.ts'
import type { StateEngine, TaskState } from './byte-store.ts'
import { LmdbTask } from './lmdb-task.ts'
import { assertTaskId, isTaskId } from './task-id.ts'
import { readText, writeText } from './text-file.ts'

/** Beside the tasks: see FORMAT.md. */
export const REWIND_FILE = 'rewind'

export interface LmdbEngineOptions {
  /** Told when a task's state was dropped because the machine went down while it was open. */
  onPowerLoss?: (taskId: string) => void
  /** The directory is nobody's any more. */
  onClosed?: () => void
}

/**
 * State in LMDB: one environment per task, in a directory named by the task's id. See FORMAT.md.
 *
 * Commits do not wait for the disk: they survive every crash of the process. After a loss of power, the state of
 * tasks that were open is dropped when they are next opened, and their changelogs restore it.
 */
export class LmdbEngine implements StateEngine {
  readonly name = 'lmdb'
  readonly instanceId: string
  readonly directory: string
  readonly #onPowerLoss: (taskId: string) => void
  readonly #onClosed: () => void
  readonly #open = new Map<string, LmdbTask>()
  readonly #lock: DirectoryLock

  /** Takes the directory. Throws DIRECTORY_IN_USE. */
  constructor(directory: string, options: LmdbEngineOptions = {}) {
    this.#onPowerLoss = options.onPowerLoss ?? (() => {})
    this.#onClosed = options.onClosed ?? (() => {})
    const taken = acquireLock(directory)
    if (!taken.acquired)
      throw directoryInUse(
        `The state directory ${directory}`,
        taken.owner,
        'Give each instance of an application its own directory.',
      )
    this.#lock = taken.lock
    this.directory = directory
    this.instanceId = instanceIdOf(directory)
  }

  get rewindId(): string | undefined {
    return readText(join(this.directory, REWIND_FILE))
  }

  set rewindId(rewindId: string) {
    writeText(join(this.directory, REWIND_FILE), rewindId)
  }

  /** Throws NEWER_FORMAT, DAMAGED_DATA or DISK. */
  openTask(taskId: string): TaskState {
    assertTaskId(taskId)
    assert(!this.#open.has(taskId), `task ${taskId} is opened twice`)
    const task = openTaskIn(this.#directoryOf(taskId), {
      onPowerLoss: () => this.#onPowerLoss(taskId),
      onClosed: () => this.#open.delete(taskId),
    })
    this.#open.set(taskId, task)
    return task
  }

  isOpen(taskId: string): boolean {
    return this.#open.has(taskId)
  }

  async dropTask(taskId: string): Promise<void> {
    assertTaskId(taskId)
    assert(!this.#open.has(taskId), `task ${taskId} is dropped while it is open`)
    rmSync(this.#directoryOf(taskId), { recursive: true, force: true })
  }

  tasks(): string[] {
    if (!existsSync(this.directory)) return []
    return readdirSync(this.directory).filter(isTaskId)
  }

  async close(): Promise<void> {
    for (const task of this.#open.values()) await task.close()
    this.#lock.release()
    this.#onClosed()
  }

  #directoryOf(taskId: string): string {
    return join(this.directory, taskId)
  }
}

export interface OpenTaskOptions {
  readonly onPowerLoss: () => void
  readonly onClosed: () => void
}

/** Opens the state of one task, emptied when the machine went down while it was open. */
export function openTaskIn(directory: string, { onPowerLoss, onClosed }: OpenTaskOptions): LmdbTask {
  if (wasOpenAtPowerLoss(directory)) {
    rmSync(directory, { recursive: true, force: true })
    onPowerLoss()
  }
  mkdirSync(directory, { recursive: true })
  return new LmdbTask(directory, onClosed)
}

/** Read, or made when the directory is new. */
function instanceIdOf(directory: string): string {
  const path = join(directory, 'instance')
  const known = readText(path)
  if (known !== undefined) return known
  const made = randomUUID()
  writeText(path, made)
  return made
}
