import type { Clock } from '../internal/clock.ts'

export interface WaitOptions {
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly clock: Clock
}

/**
 * Resolves with what `attempt` returns as soon as that is not undefined: now, or after one of the changes. Rejects
 * with what `late` makes when the time is up, with the signal's reason when it is aborted, and with what `attempt`
 * throws.
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

    const stopListening = onChange(() => {
      try {
        const result = attempt()
        if (result !== undefined) end(() => resolve(result))
      } catch (error) {
        end(() => reject(error))
      }
    })
    const stopTimer = clock.schedule(timeoutMs, () => end(() => reject(late())))
    const onAbort = () => end(() => reject(signal?.reason))
    signal?.addEventListener('abort', onAbort)

    function end(settle: () => void): void {
      stopListening()
      stopTimer()
      signal?.removeEventListener('abort', onAbort)
      settle()
    }
  })
}
