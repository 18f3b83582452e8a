/** How a loop spends its time: what went into each part, and which share of the last minute that was. */
export class TimeShares<Part extends string> {
  readonly #spentMs = new Map<Part, number>()
  #before: Mark<Part> = { atMs: 0, spentMs: new Map() }
  #current: Mark<Part> = this.#before

  add(part: Part, ms: number): void {
    this.#spentMs.set(part, (this.#spentMs.get(part) ?? 0) + ms)
  }

  /** Told the time now and then, first when the loop begins. */
  turn(elapsedMs: number): void {
    if (this.#current.atMs === 0) this.#before = this.#current = this.#mark(elapsedMs)
    if (elapsedMs - this.#current.atMs < WINDOW_MS) return
    this.#before = this.#current
    this.#current = this.#mark(elapsedMs)
  }

  /** From 0 to 1. */
  shareOf(part: Part, elapsedMs: number): number {
    const { atMs, spentMs } = this.#before
    const passedMs = elapsedMs - atMs
    if (passedMs <= 0) return 0
    return Math.min(1, ((this.#spentMs.get(part) ?? 0) - (spentMs.get(part) ?? 0)) / passedMs)
  }

  #mark(atMs: number): Mark<Part> {
    return { atMs, spentMs: new Map(this.#spentMs) }
  }
}

interface Mark<Part> {
  readonly atMs: number
  readonly spentMs: ReadonlyMap<Part, number>
}

const WINDOW_MS = 30_000
