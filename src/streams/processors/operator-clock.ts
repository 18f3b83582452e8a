import type { KeyValueStore } from '../state/store.ts'

/**
 * Stream time as one operator has seen it: the greatest timestamp of its records. It is kept in a store, so that an
 * operator that is restored after a crash takes, drops and emits exactly what it would have without one.
 */
export class OperatorClock {
  /** Before the last `advance`, and after it; -1 before the first record. */
  before = -1
  streamTime = -1
  readonly #store: KeyValueStore<number>
  readonly #key: string
  readonly #expiredKey: string

  /** `operator` tells apart those that share the store. */
  constructor(store: KeyValueStore<number>, operator: number) {
    this.#store = store
    this.#key = `${operator}/stream-time`
    this.#expiredKey = `${operator}/expired-below`
  }

  /** Read from the store each time: what a failed record did to it is undone there. */
  now(): number {
    return this.#store.get(this.#key)?.value ?? -1
  }

  /** What the operator keeps by time has been removed up to here, as stream time stood. */
  get expiredBelow(): number {
    return this.#store.get(this.#expiredKey)?.value ?? 0
  }

  set expiredBelow(timeMs: number) {
    this.#store.put(this.#expiredKey, timeMs, this.streamTime)
  }

  advance(timestamp: number): void {
    const before = this.now()
    this.before = before
    this.streamTime = before
    if (timestamp <= before) return
    this.streamTime = timestamp
    this.#store.put(this.#key, timestamp, timestamp)
  }
}
