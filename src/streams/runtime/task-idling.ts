/** How far an input partition is behind its log; undefined while that is not known. */
export type LagOf = (topic: string) => number | undefined

/**
 * Decides whether a task goes on while an input partition is empty, so that records of several inputs are taken in
 * the order of their timestamps as far as they can be known (Kafka Streams: max.task.idle.ms, KIP-695): it waits for
 * what is in the log but not fetched yet, and, for a partition that is read to its end, `maxIdleMs` longer for
 * producers. -1: it never waits.
 */
export class TaskIdling {
  readonly #maxIdleMs: number
  /** Until when to wait for each empty partition; Infinity for one that is not read to its end. */
  readonly #deadlines = new Map<string, number>()

  constructor(maxIdleMs: number) {
    this.#maxIdleMs = maxIdleMs
  }

  /** When the wait is over for all of them; Infinity when only a fetch can end it. */
  get endsAtMs(): number {
    return Math.max(...this.#deadlines.values())
  }

  /** Whether the task must wait when the partition has no record, or as soon as it has none. */
  mustWait(
    topic: string,
    { buffered, lag }: { buffered: number; lag: number | undefined },
    nowMs: number,
  ): boolean {
    if (this.#maxIdleMs < 0) return false
    if (buffered > 0) {
      this.#deadlines.delete(topic)
      return lag !== 0 || this.#maxIdleMs > 0
    }
    const before = this.#deadlines.get(topic) ?? Infinity
    const deadline = lag !== 0 ? Infinity : before === Infinity ? nowMs + this.#maxIdleMs : before
    this.#deadlines.set(topic, deadline)
    return nowMs < deadline
  }
}
