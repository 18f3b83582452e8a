import type { ByteString } from '../state/byte-store.ts'
import type { KeyValueStore } from '../state/store.ts'
import type { OperatorClock } from './operator-clock.ts'
import { fromStart } from './windowed-key.ts'

export interface RowExpiryPlan {
  readonly retentionMs: number
  /** How much stream time passes between two passes over the expired rows: spreads their cost over many records. */
  readonly everyMs: number
}

/**
 * Removes the rows of windows that are older than the retention. When it does so follows from stream time alone, so
 * that an operator that was restored removes the same rows at the same records. Up to where they are gone is kept with
 * the operator's times: what an open commit has removed is not walked over again.
 */
export class RowExpiry {
  readonly #rows: KeyValueStore<unknown>
  readonly #plan: RowExpiryPlan
  readonly #forget: (key: ByteString, timestamp: number) => void

  /** `forget` removes what is kept beside a row. */
  constructor(
    rows: KeyValueStore<unknown>,
    plan: RowExpiryPlan,
    forget: (key: ByteString, timestamp: number) => void,
  ) {
    this.#rows = rows
    this.#plan = plan
    this.#forget = forget
  }

  expire(clock: OperatorClock): void {
    const { before, streamTime } = clock
    if (!(this.#passOf(streamTime) > this.#passOf(before))) return
    const { retentionMs, everyMs } = this.#plan
    const below = streamTime - retentionMs + 1
    // Of a longer retention than before there may be rows below what has expired, but none below the last pass.
    const from = Math.min(clock.expiredBelow, this.#passOf(before) * everyMs)
    clock.expiredBelow = Math.max(0, below)
    const expired = Array.from(this.#rows.range(fromStart(from), fromStart(below)), ([key]) => key)
    for (const key of expired) {
      this.#forget(key, streamTime)
      this.#rows.put(key, null, streamTime)
    }
  }

  /** NaN when rows are kept forever. */
  #passOf(streamTime: number): number {
    const { retentionMs, everyMs } = this.#plan
    return Math.floor((streamTime - retentionMs + 1) / everyMs)
  }
}
