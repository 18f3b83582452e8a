import { describeValue } from '../../contracts/schema.ts'
import { EvertError } from '../../errors.ts'

/**
 * Windows of fixed size, one every `advanceMs` from the epoch on: tumbling when that is the size, hopping (overlapping)
 * when it is less. `graceMs` is how long after its end, in stream time, a window still takes records.
 */
export interface TimeWindows {
  readonly sizeMs: number
  readonly advanceMs: number
  readonly graceMs: number
}

export interface GraceOptions {
  /**
   * How long after its end, in stream time, a window still takes records that come late; later ones are dropped and
   * counted. 0: not at all. Final results wait for it.
   */
  readonly graceMs: number
}

export interface TumblingOptions extends GraceOptions {
  readonly sizeMs: number
}

/** Windows that follow each other without gap or overlap. Throws INVALID_ARGUMENT. */
export function tumbling(options: TumblingOptions): TimeWindows {
  const { sizeMs, graceMs } = options
  if (areWhole(sizeMs, graceMs) && sizeMs >= 1 && graceMs >= 0) return { sizeMs, advanceMs: sizeMs, graceMs }
  throw refused('Windows', 'sizeMs >= 1 and graceMs >= 0', { options, sizeMs, graceMs })
}

/** Windows that overlap: a record is in each that covers its time. Throws INVALID_ARGUMENT. */
export function hopping(options: TumblingOptions & { readonly advanceMs: number }): TimeWindows {
  const { sizeMs, advanceMs, graceMs } = options
  if (areWhole(sizeMs, advanceMs, graceMs) && advanceMs >= 1 && advanceMs <= sizeMs && graceMs >= 0) {
    return { sizeMs, advanceMs, graceMs }
  }
  throw refused('Windows', '1 <= advanceMs <= sizeMs and graceMs >= 0', {
    options,
    sizeMs,
    advanceMs,
    graceMs,
  })
}

/** The start of the first window that covers the time; the others follow every `advanceMs` up to it. */
export function firstStart({ sizeMs, advanceMs }: TimeWindows, timestamp: number): number {
  return Math.floor(Math.max(0, timestamp - sizeMs + advanceMs) / advanceMs) * advanceMs
}

/**
 * The start of the first window that is open when the windows are closed that end at `closedUpTo` or before. As it moves
 * from window to window, not with time, nothing needs to be looked for in between.
 */
export function firstOpenStart({ sizeMs, advanceMs }: TimeWindows, closedUpTo: number): number {
  return (Math.floor((closedUpTo - sizeMs) / advanceMs) + 1) * advanceMs
}

/**
 * For every key, all windows of `timeDifferenceMs` (both ends inclusive) that hold different records: a record is
 * aggregated with those at most so far before it, and with those at most so far after it (KIP-450).
 */
export interface SlidingWindows {
  readonly timeDifferenceMs: number
  readonly graceMs: number
}

/** Throws INVALID_ARGUMENT. */
export function sliding(options: GraceOptions & { readonly timeDifferenceMs: number }): SlidingWindows {
  const { timeDifferenceMs, graceMs } = options
  if (areWhole(timeDifferenceMs, graceMs) && timeDifferenceMs >= 0 && graceMs >= 0) {
    return { timeDifferenceMs, graceMs }
  }
  throw refused('Sliding windows', 'timeDifferenceMs >= 0 and graceMs >= 0', {
    options,
    timeDifferenceMs,
    graceMs,
  })
}

/** A single window without end. It never closes. */
export interface UnlimitedWindows {
  readonly startMs: number
}

/** Records before `startMs` (default 0) are in no window. Throws INVALID_ARGUMENT. */
export function unlimited({ startMs = 0 }: { readonly startMs?: number } = {}): UnlimitedWindows {
  if (areWhole(startMs) && startMs >= 0) return { startMs }
  throw refused('An unlimited window', 'startMs >= 0', { options: {}, startMs })
}

/** Sessions of activity: records of a key that are at most `gapMs` apart. */
export interface SessionWindows {
  readonly gapMs: number
  readonly graceMs: number
}

/** Throws INVALID_ARGUMENT. */
export function sessions(options: GraceOptions & { readonly gapMs: number }): SessionWindows {
  const { gapMs, graceMs } = options
  if (areWhole(gapMs, graceMs) && gapMs >= 1 && graceMs >= 0) return { gapMs, graceMs }
  throw refused('Sessions', 'gapMs >= 1 and graceMs >= 0', { options, gapMs, graceMs })
}

function areWhole(...numbers: number[]): boolean {
  return numbers.every(Number.isSafeInteger)
}

/** Names a misspelt option, and asks for the grace where that alone is missing. */
function refused(
  what: string,
  need: string,
  { options, ...given }: { readonly options: object } & Readonly<Record<string, unknown>>,
): EvertError {
  const got = Object.entries(given).map(
    ([name, value]) => `${name} ${typeof value === 'number' ? value : describeValue(value)}`,
  )
  const unknown = Object.keys(options).filter(name => !(name in given))
  const hints = unknown.map(name => ` There is no option "${name}".`)
  if (unknown.length === 0 && 'graceMs' in given && given['graceMs'] === undefined) {
    hints.push(' Say how long late records are waited for: graceMs, 0 for not at all.')
  }
  return new EvertError(
    'INVALID_ARGUMENT',
    `${what} need whole milliseconds with ${need}; got ${got.join(', ')}.${hints.join('')}`,
  )
}
