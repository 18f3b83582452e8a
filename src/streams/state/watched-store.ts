import type { ByteString } from './byte-store.ts'
import type { CachedStore } from './cached-store.ts'
import type { KeyValueStore, StoredValue } from './store.ts'

/** A store that can tell, after each record, whether its changelog takes what it was given. Costs an encoding per change. */
export class WatchedStore implements KeyValueStore<unknown> {
  readonly name: string
  readonly #store: CachedStore<unknown>
  readonly #changed = new Set<ByteString>()

  constructor(store: CachedStore<unknown>) {
    this.name = store.name
    this.#store = store
  }

  get(key: ByteString): StoredValue<unknown> | undefined {
    return this.#store.get(key)
  }

  put(key: ByteString, value: unknown, timestamp: number): void {
    this.#store.put(key, value, timestamp)
    this.#changed.add(key)
  }

  range(from?: ByteString, to?: ByteString, options?: { reverse?: boolean }) {
    return this.#store.range(from, to, options)
  }

  /** Throws RECORD_TOO_LARGE for what was put since the last call. */
  verify(): void {
    if (this.#changed.size === 0) return
    const changed = [...this.#changed]
    this.#changed.clear()
    for (const key of changed) this.#store.verify(key)
  }
}
