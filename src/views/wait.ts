import type { Clock } from '../internal/clock.ts'

export interface WaitOptions {
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly clock: Clock
}

/** The longest delay of a timer (24 days); what is longer, also Infinity, ends there. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/**
 * Resolves with what `attempt` returns as soon as that is not undefined: now, or after one of the changes. Rejects
 * with what `late` makes when the time is up, with the signal's reason when it is aborted, and with what `attempt`
 * throws. No change is missed: after the listener is registered it looks again.
 */
export function waitFor<T>(
  onChange: (listener: () => void) => () => void,
  attempt: () => T | undefined,
  late: () => Error,
  options: WaitOptions,
): Promise<T> {
  const { timeoutMs, signal, clock } = options
  return new Promise<T>((resolve, reject) => {
    signal?.throwIfAborted()
    const now = attempt()
    if (now !== undefined) return resolve(now)

    const stopListening = onChange(look)
    const stopTimer = clock.schedule(Math.min(timeoutMs, MAX_TIMEOUT_MS), () => end(() => reject(late())))
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted === true) onAbort()
    else look()

    function look(): void {
      try {
        const result = attempt()
        if (result !== undefined) end(() => resolve(result))
      } catch (error) {
        end(() => reject(error))
      }
    }

    function onAbort(): void {
      end(() => reject(signal?.reason))
    }

    function end(settle: () => void): void {
      stopListening()
      stopTimer()
      signal?.removeEventListener('abort', onAbort)
      settle()
    }
  })
}
