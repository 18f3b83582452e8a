import type { AsyncCall, AsyncOperator } from '../processors/async-call.ts'

/** The asynchronous operators of one task, as whoever runs the task sees them. */
export class TaskCalls {
  readonly #operators: readonly AsyncOperator[]

  constructor(operators: readonly AsyncOperator[]) {
    this.#operators = operators
  }

  /** Whether there are such operators: their calls must then be made. */
  get areMade(): boolean {
    return this.#operators.length > 0
  }

  /** They hold so many records that the task takes no more until calls are complete. */
  get areFull(): boolean {
    for (const operator of this.#operators) if (operator.isFull) return true
    return false
  }

  /** Records that they hold. */
  get pending(): number {
    return this.#operators.reduce((sum, operator) => sum + operator.pending, 0)
  }

  /** Of each input topic the first offset whose record, or what was made of it, has no result yet. */
  pendingSince(): Map<string, number> {
    const lowest = new Map<string, number>()
    for (const operator of this.#operators) {
      for (const { topic, offset } of operator.pendingSources()) {
        if (offset < (lowest.get(topic) ?? Infinity)) lowest.set(topic, offset)
      }
    }
    return lowest
  }

  /** The calls that are to begin now, each given once: `Task.complete` is then to be called with their outcome. */
  take(): AsyncCall[] {
    return this.areMade ? this.#operators.flatMap(operator => operator.takeCalls()) : NONE
  }
}

const NONE: AsyncCall[] = []
