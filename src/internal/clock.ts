/** The port through which everything in Evert sees time: replaced by a manual clock in tests and simulations. */
export interface Clock {
  /** Wall clock, ms since the epoch: for timestamps. It may be set, forwards and backwards. */
  nowMs(): number
  /** Ms since some moment; never goes backwards: for intervals, deadlines and delays. */
  elapsedMs(): number
  /** Calls back once after `delayMs`; the returned function takes it back. */
  schedule(delayMs: number, callback: () => void): () => void
}

/** The machine's own clock. Timers do not keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  elapsedMs: () => performance.now(),
  schedule(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** A clock that stands still until it is moved; callbacks run in order of their time, inside `advance`. */
export class ManualClock implements Clock {
  #nowMs: number
  #timers: { atMs: number; callback: () => void }[] = []

  constructor(startMs = 0) {
    this.#nowMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  elapsedMs(): number {
    return this.#nowMs
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter(other => other !== timer)
    }
  }

  advance(ms: number): void {
    const end = this.#nowMs + ms
    for (;;) {
      const due = this.#timers.filter(timer => timer.atMs <= end).toSorted((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter(other => other !== due)
      this.#nowMs = Math.max(this.#nowMs, due.atMs)
      due.callback()
    }
    this.#nowMs = end
  }
}
