import { EvertError } from '../../errors.ts'
import { perTask } from './per-task.ts'

/** How many timers may ring in a row, each set by the callback of the one before to no later time. */
const MAX_CHAIN = 10_000

/**
 * Ends what would ring for ever: timers of a task whose callbacks set the next one, of the same or another declaration,
 * while time stands still. Many timers of one time are no chain.
 */
export class TimerChain {
  /** When the timer was due whose callback runs. */
  #atMs = -1
  #link = 0

  /** The place in a chain of a timer that is set now; 0: it begins none. Throws INVALID_VALUE at the end of it. */
  next(name: string, atMs: number): number {
    if (atMs > this.#atMs) return 0
    if (this.#link + 1 < MAX_CHAIN) return this.#link + 1
    throw new EvertError(
      'INVALID_VALUE',
      `A timer of "${name}" is set to ${atMs} by the callback of one that was due at ${this.#atMs}, as ${MAX_CHAIN - 1} ` +
        'before it in a row: they would ring for ever. Set a later time.',
    )
  }

  /** Runs the callback of a timer; `link` is its own place in a chain. */
  during(atMs: number, link = 0, callback: () => unknown): void {
    this.#atMs = atMs
    this.#link = link
    try {
      callback()
    } finally {
      this.#atMs = -1
    }
  }
}

/** Shared by all timers of a task. */
export const timerChain = perTask(() => new TimerChain())
