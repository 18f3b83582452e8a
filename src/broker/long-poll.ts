import type { Clock } from '../internal/clock.ts'
import type { PartitionLog } from './storage/log-storage.ts'

export interface LongPoll {
  readonly clock: Clock
  readonly timeoutMs: number
  /** Any of them ends the wait early. */
  readonly signals: readonly AbortSignal[]
}

/** Resolves after one of the logs has moved, the time is up, or a signal was given. */
export function waitForAdvance(
  logs: readonly PartitionLog[],
  { clock, timeoutMs, signals }: LongPoll,
): Promise<void> {
  return new Promise(resolve => {
    const takeBack: (() => void)[] = []
    const wake = (): void => {
      for (const undo of takeBack.splice(0)) undo()
      resolve()
    }
    for (const log of logs) takeBack.push(log.onAdvance(wake))
    takeBack.push(clock.schedule(timeoutMs, wake))
    for (const signal of signals) {
      signal.addEventListener('abort', wake, { once: true })
      takeBack.push(() => signal.removeEventListener('abort', wake))
    }
  })
}
