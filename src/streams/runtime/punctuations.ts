import type { Alarm, Punctuation } from '../processors/punctuation.ts'

interface Scheduled extends Punctuation {
  dueAt: number
}

const ONCE = Infinity

/**
 * The punctuations of a task by one kind of time (Kafka Streams: PunctuationQueue). One that is due is called once,
 * however many of its ticks were missed; the next is the first tick of its grid that lies ahead.
 */
export class Punctuations {
  /** When the next one is due; Infinity when there is none. */
  dueAt = Infinity
  readonly #scheduled: Scheduled[] = []

  /** `firstMs` is the first tick and the beginning of the grid. The returned function ends it, also while it runs. */
  add(punctuation: Punctuation, firstMs: number): () => void {
    const scheduled = { ...punctuation, dueAt: firstMs }
    this.#scheduled.push(scheduled)
    this.#look()
    return () => {
      const index = this.#scheduled.indexOf(scheduled)
      if (index >= 0) this.#scheduled.splice(index, 1)
      this.#look()
    }
  }

  /** A callback of the node, which is due when it is told to be. */
  addAlarm(node: string, callback: (timeMs: number) => unknown): Alarm {
    const scheduled: Scheduled = { node, callback, intervalMs: ONCE, dueAt: Infinity }
    this.#scheduled.push(scheduled)
    return {
      set: atMs => {
        scheduled.dueAt = atMs
        this.#look()
      },
    }
  }

  /** The earliest of those that are due at `timeMs`; it moves on to its next tick. */
  takeDue(timeMs: number): Punctuation | undefined {
    if (this.dueAt > timeMs) return undefined
    let first: Scheduled | undefined
    for (const each of this.#scheduled) {
      if (each.dueAt <= timeMs && (first === undefined || each.dueAt < first.dueAt)) first = each
    }
    if (first === undefined) return undefined
    first.dueAt = first.intervalMs === ONCE ? Infinity : nextTick(first.dueAt, first.intervalMs, timeMs)
    this.#look()
    return first
  }

  /** What was due up to `timeMs` was called before, in an earlier life of the task. */
  skipTo(timeMs: number): void {
    for (const each of this.#scheduled) {
      if (each.dueAt <= timeMs) each.dueAt = nextTick(each.dueAt, each.intervalMs, timeMs)
    }
    this.#look()
  }

  #look(): void {
    let earliest = Infinity
    for (const each of this.#scheduled) if (each.dueAt < earliest) earliest = each.dueAt
    this.dueAt = earliest
  }
}

/** The first tick after `afterMs` on the grid through `tickMs`. */
export function nextTick(tickMs: number, intervalMs: number, afterMs: number): number {
  if (afterMs < tickMs) return tickMs
  return tickMs + (Math.floor((afterMs - tickMs) / intervalMs) + 1) * intervalMs
}
