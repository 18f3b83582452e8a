/** A callback that a processor asked for again and again. */
export interface Punctuation {
  /** The processor that asked. */
  readonly node: string
  readonly intervalMs: number
  readonly callback: (timeMs: number) => unknown
}

/** A callback that comes once each time it is set. */
export interface Alarm {
  /** When it is due; Infinity: not. Takes the place of what was set before. */
  set(atMs: number): void
}
