import { EvertError } from '../errors.ts'
import type { Clock } from '../internal/clock.ts'

export interface AppendWait {
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Settles as the delivery does, unless the time is over or the signal is aborted before. That takes nothing back: the
 * record is on its way.
 */
export function waitForAppend<T>(
  delivery: Promise<T>,
  { timeoutMs, signal }: AppendWait,
  { topic, clock }: { readonly topic: string; readonly clock: Clock },
): Promise<T> {
  if (timeoutMs === undefined && signal === undefined) return delivery
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal?.reason as Error)
    const cancel =
      timeoutMs === undefined ? () => {} : clock.schedule(timeoutMs, () => reject(tooLate(topic, timeoutMs)))
    signal?.addEventListener('abort', onAbort, { once: true })
    delivery.then(resolve, reject).finally(() => {
      cancel()
      signal?.removeEventListener('abort', onAbort)
    })
  })
}

function tooLate(topic: string, timeoutMs: number): EvertError {
  return new EvertError(
    'TIMEOUT',
    `The record to "${topic}" was not acknowledged within ${timeoutMs} ms: the cluster is slow, or cannot be reached. ` +
      'It may be in the log, or come into it yet.',
  )
}
