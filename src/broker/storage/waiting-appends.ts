import { type Deferred, deferred } from '../../internal/deferred.ts'
import type { AppendResult } from './log-storage.ts'

interface Waiter {
  readonly endOffset: number
  readonly result: AppendResult
  readonly waiting: Deferred<AppendResult>
}

/** Appends that wait for the disk, by end offset. */
export class WaitingAppends {
  readonly #waiters: Waiter[] = []

  add(endOffset: number, result: AppendResult): Promise<AppendResult> {
    const waiting = deferred<AppendResult>()
    // Only a repeated batch ever waits for less than the last one does.
    let at = this.#waiters.length
    while (at > 0 && this.#waiters[at - 1]!.endOffset > endOffset) at--
    this.#waiters.splice(at, 0, { endOffset, result, waiting })
    return waiting.promise
  }

  /** Everything below the offset is durable. */
  settle(highWatermark: number): void {
    const pending = this.#waiters.findIndex(waiter => waiter.endOffset > highWatermark)
    const count = pending < 0 ? this.#waiters.length : pending
    for (const { waiting, result } of this.#waiters.splice(0, count)) waiting.resolve(result)
  }

  /** None of them will ever be known to be durable. */
  settleAll(result: AppendResult): void {
    for (const { waiting } of this.#waiters.splice(0)) waiting.resolve(result)
  }
}
