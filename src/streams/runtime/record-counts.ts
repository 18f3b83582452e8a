import type { DropReason } from '../processors/drop-reason.ts'

/** Records that an operator of a task did not take, by reason; of a record in several windows one per window. */
export interface DroppedRecords {
  /** `<sub-topology>_<partition>`; `global` for the global tables, each of which is an operator of its store's name. */
  readonly task: string
  readonly operator: string
  readonly reason: DropReason
  readonly count: number
}

/** Records that came behind the stream time of their task. They are processed as all others are. */
export interface OutOfOrderRecords {
  readonly task: string
  /** The source that read them. */
  readonly operator: string
  readonly count: number
}

/** A count that is kept by whoever has it in hand. */
export interface Counter {
  count: number
}

/**
 * What the tasks of one instance counted since it started: a task that is rolled back or comes back counts on. What is
 * processed again after a rollback is counted again. Nothing is looked up or allocated for a record that is not counted.
 */
export class RecordCounts {
  readonly #tasks = new Map<string, TaskCounts>()

  of(task: string): TaskCounts {
    let counts = this.#tasks.get(task)
    if (counts === undefined) {
      counts = new TaskCounts()
      this.#tasks.set(task, counts)
    }
    return counts
  }

  /** A copy, in no set order. */
  dropped(): DroppedRecords[] {
    return [...this.#tasks].flatMap(([task, counts]) => counts.dropped(task))
  }

  /** A copy, in no set order. */
  outOfOrder(): OutOfOrderRecords[] {
    return [...this.#tasks].flatMap(([task, counts]) => counts.outOfOrder(task))
  }
}

export class TaskCounts {
  readonly #dropped = new Map<string, Map<DropReason, number>>()
  readonly #outOfOrder = new Map<string, Counter>()

  drop(operator: string, reason: DropReason): void {
    let reasons = this.#dropped.get(operator)
    if (reasons === undefined) {
      reasons = new Map()
      this.#dropped.set(operator, reasons)
    }
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  }

  /** Of the records that the source reads out of order. */
  outOfOrderOf(source: string): Counter {
    let counter = this.#outOfOrder.get(source)
    if (counter === undefined) {
      counter = { count: 0 }
      this.#outOfOrder.set(source, counter)
    }
    return counter
  }

  dropped(task: string): DroppedRecords[] {
    return [...this.#dropped].flatMap(([operator, reasons]) =>
      Array.from(reasons, ([reason, count]) => ({ task, operator, reason, count })),
    )
  }

  outOfOrder(task: string): OutOfOrderRecords[] {
    return Array.from(this.#outOfOrder, ([operator, { count }]) => ({ task, operator, count })).filter(
      ({ count }) => count > 0,
    )
  }
}
