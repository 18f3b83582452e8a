import { EvertError } from '../../errors.ts'

/** Which times to read: both ends inclusive, ms of event time. */
export interface TimeRange {
  /** Default: the beginning of what is kept. */
  readonly fromMs?: number
  /** Default: no end. */
  readonly toMs?: number
  /** Latest first. */
  readonly reverse?: boolean
}

/** Where the part of a key that is a time begins and ends; undefined when no time is in the range. */
export function timeBounds(
  { fromMs = 0, toMs = Infinity }: TimeRange,
  keptFromMs: number,
): { readonly from: number; readonly to: number } | undefined {
  const from = Math.max(0, fromMs, keptFromMs)
  const to = Math.min(toMs, Number.MAX_SAFE_INTEGER - 1)
  return to < from ? undefined : { from, to }
}

/** Throws INVALID_VALUE for what is no time of a row. */
export function assertTime(store: string, timeMs: number): void {
  if (Number.isSafeInteger(timeMs) && timeMs >= 0) return
  throw new EvertError(
    'INVALID_VALUE',
    `The store "${store}" is given the time ${timeMs}: it must be whole milliseconds, 0 or more.`,
  )
}
