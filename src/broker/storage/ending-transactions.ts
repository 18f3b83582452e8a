/** Transactions of one log whose marker is appended but not yet below the high watermark: to readers still open. */
export class EndingTransactions {
  readonly #ending: { readonly firstOffset: number; readonly markerOffset: number }[] = []

  /** Markers come in the order of the log. */
  add(firstOffset: number, markerOffset: number): void {
    this.#ending.push({ firstOffset, markerOffset })
  }

  /** Forgets those whose marker is below the high watermark now. */
  advance(highWatermark: number): void {
    while (this.#ending.length > 0 && this.#ending[0]!.markerOffset < highWatermark) this.#ending.shift()
  }

  /** The first record of any of them; Infinity when there is none. */
  get firstOffset(): number {
    let first = Infinity
    for (const { firstOffset } of this.#ending) first = Math.min(first, firstOffset)
    return first
  }
}
