import type { Clock } from '../../internal/clock.ts'
import type { StateEngine } from '../state/byte-store.ts'
import { GLOBAL_TASK } from '../state/task-id.ts'
import type { Logger } from './logger.ts'

export interface StateCleanerOptions {
  readonly engine: StateEngine
  readonly clock: Clock
  readonly logger: Logger
  /** How long a task must be away. */
  readonly delayMs: number
  /** Whether this instance has what it is assigned: only then is a task away, and not on its way. */
  readonly isSettled: () => boolean
}

/** How many times within the delay it looks. */
const LOOKS = 10
const MIN_LOOK_MS = 50

/**
 * Drops the state of tasks that are long gone from this instance (Kafka Streams: state.cleanup.delay.ms). One that
 * comes back before finds its state, and only what is missing is restored.
 *
 * State: since when each task that has state here was found closed, at every look. A directory is never dropped within
 * the delay after a start, however old it is: its task may be assigned yet.
 */
export class StateCleaner {
  readonly #options: StateCleanerOptions
  readonly #closedSinceMs = new Map<string, number>()
  #cancel = (): void => {}
  #isStopped = false

  constructor(options: StateCleanerOptions) {
    this.#options = options
  }

  start(): void {
    if (this.#isStopped) return
    const { clock, delayMs } = this.#options
    const lookLater = (): void => {
      this.#cancel = clock.schedule(Math.max(MIN_LOOK_MS, delayMs / LOOKS), () => {
        this.#look()
        lookLater()
      })
    }
    this.#look()
    lookLater()
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel()
  }

  #look(): void {
    const { engine, clock, delayMs, isSettled } = this.#options
    if (!isSettled()) {
      this.#closedSinceMs.clear()
      return
    }
    const nowMs = clock.elapsedMs()
    for (const taskId of engine.tasks()) {
      if (taskId === GLOBAL_TASK || engine.isOpen(taskId)) {
        this.#closedSinceMs.delete(taskId)
        continue
      }
      const sinceMs = this.#closedSinceMs.get(taskId)
      if (sinceMs === undefined) this.#closedSinceMs.set(taskId, nowMs)
      else if (nowMs - sinceMs >= delayMs) this.#drop(taskId)
    }
  }

  #drop(taskId: string): void {
    const { engine, logger, delayMs } = this.#options
    this.#closedSinceMs.delete(taskId)
    engine.dropTask(taskId).then(
      () =>
        logger.info(
          `The state of task ${taskId} is removed: the task has not been here for ${Math.round(delayMs / 1000)} s.`,
        ),
      (error: unknown) =>
        logger.warn(`The state of task ${taskId}, which is not here any more, stays: ${String(error)}`),
    )
  }
}
