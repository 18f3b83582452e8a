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

export interface TumblingOptions {
  readonly sizeMs: number
  /** Default 0. */
  readonly graceMs?: number
}

/** Windows that follow each other without gap or overlap. Throws INVALID_ARGUMENT. */
export function tumbling({ sizeMs, graceMs = 0 }: TumblingOptions): TimeWindows {
  return hopping({ sizeMs, advanceMs: sizeMs, graceMs })
}

/** Windows that overlap: a record is in each that covers its time. Throws INVALID_ARGUMENT. */
export function hopping(options: TumblingOptions & { readonly advanceMs: number }): TimeWindows {
  const { sizeMs, advanceMs, graceMs = 0 } = options
  const whole = [sizeMs, advanceMs, graceMs].every(Number.isSafeInteger)
  if (!whole || sizeMs < 1 || advanceMs < 1 || advanceMs > sizeMs || graceMs < 0) {
    throw new EvertError(
      'INVALID_ARGUMENT',
      `Windows need whole milliseconds with 1 <= advanceMs <= sizeMs and graceMs >= 0; ` +
        `got sizeMs ${sizeMs}, advanceMs ${advanceMs}, graceMs ${graceMs}.`,
    )
  }
  return { sizeMs, advanceMs, graceMs }
}

/** The start of the first window that covers the time; the others follow every `advanceMs` up to it. */
export function firstStart({ sizeMs, advanceMs }: TimeWindows, timestamp: number): number {
  return Math.floor(Math.max(0, timestamp - sizeMs + advanceMs) / advanceMs) * advanceMs
}

/** Sessions of activity: records of a key that are at most `gapMs` apart. */
export interface SessionWindows {
  readonly gapMs: number
  readonly graceMs: number
}

/** Throws INVALID_ARGUMENT. */
export function sessions({
  gapMs,
  graceMs = 0,
}: {
  readonly gapMs: number
  readonly graceMs?: number
}): SessionWindows {
  if ([gapMs, graceMs].every(Number.isSafeInteger) && gapMs >= 1 && graceMs >= 0) return { gapMs, graceMs }
  throw new EvertError(
    'INVALID_ARGUMENT',
    `Sessions need whole milliseconds with gapMs >= 1 and graceMs >= 0; got gapMs ${gapMs}, graceMs ${graceMs}.`,
  )
}
