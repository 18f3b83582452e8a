import { isEvertError } from '../errors.ts'
import type { Clock } from '../internal/clock.ts'
import { holdProcess } from '../internal/hold-process.ts'

/** How long to wait before a retry: doubling from `firstMs` to `maxMs`, spread by a fifth so that clients do not march in step. */
export interface Backoff {
  readonly clock: Clock
  readonly random: () => number
  readonly firstMs: number
  readonly maxMs: number
}

/** Wait before retry number `attempt` (0 is the first). */
export function backoffMs(backoff: Backoff, attempt: number): number {
  const base = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(attempt, 20))
  return base * (0.8 + 0.4 * backoff.random())
}

export function delay(clock: Clock, ms: number): Promise<void> {
  const release = holdProcess()
  return new Promise(resolve => {
    clock.schedule(ms, () => {
      release()
      resolve()
    })
  })
}

/** Whether the channel failed, so that nobody knows what became of the request. */
export function isChannelError(error: unknown): boolean {
  return isEvertError(error, 'CONNECTION') || isEvertError(error, 'TIMEOUT')
}
