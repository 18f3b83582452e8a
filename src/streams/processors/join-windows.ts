import { EvertError } from '../../errors.ts'

/**
 * When two records of streams belong together: the right one's time is at most `beforeMs` before and at most `afterMs`
 * after the left one's. One of the two may be negative, for an interval that lies wholly on one side.
 */
export interface JoinWindows {
  readonly beforeMs: number
  readonly afterMs: number
  /** How long after its end, in stream time, a record's window waits for late partners. */
  readonly graceMs: number
}

/** Throws INVALID_TOPOLOGY for windows that no record fits. `operator` names whose they are. */
export function assertJoinWindows(windows: JoinWindows | undefined, operator: string): void {
  const { beforeMs, afterMs, graceMs } = windows ?? {}
  const whole = [beforeMs, afterMs, graceMs].every(ms => Number.isSafeInteger(ms))
  if (whole && Number(beforeMs) + Number(afterMs) >= 0 && Number(graceMs) >= 0) return
  throw new EvertError(
    'INVALID_TOPOLOGY',
    `The join "${operator}" needs { within: { beforeMs, afterMs, graceMs } } in whole milliseconds, with ` +
      `beforeMs + afterMs >= 0 and graceMs >= 0 (0: late records are not waited for); got beforeMs ${beforeMs}, ` +
      `afterMs ${afterMs}, graceMs ${graceMs}.`,
  )
}

/** The same windows seen from the right side. */
export function mirrored({ beforeMs, afterMs, graceMs }: JoinWindows): JoinWindows {
  return { beforeMs: afterMs, afterMs: beforeMs, graceMs }
}

/**
 * How long behind the latest record of its side a record is a partner: less than this. Where a window has one end in
 * common with its record, or lies wholly on one side, that would leave out the other end even of records that come in
 * order, so it is one more (Kafka Streams loses those pairs).
 */
export function joinRetentionMs({ beforeMs, afterMs, graceMs }: JoinWindows): number {
  const endMs = Math.min(beforeMs, afterMs) + graceMs <= 0 ? 1 : 0
  return Math.max(beforeMs + afterMs, beforeMs, afterMs) + graceMs + endMs
}
