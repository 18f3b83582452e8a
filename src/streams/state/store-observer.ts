import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import { assert } from '../../internal/assert.ts'
import { type ByteString, MAX_INDEX_PREFIX_BYTES, type StoreWrites, type TaskState } from './byte-store.ts'
import type { StoredValue } from './store.ts'
import { decodeStored } from './stored-value.ts'

/**
 * Keeps stores of its own in step with a store: a view's secondary indexes, for example.
 *
 * Contract: `changed` is told of every key that a commit changes, with the committed value before; then `takeWrites`
 * is called once and its writes are committed in the same transaction. When that comes to nothing, `discard`.
 */
export interface StoreObserver<V> {
  /** Names what the observer's stores look like. Another one than before: they are rebuilt. */
  readonly version: string
  /** The names of its stores. Nobody else writes them; they have no changelog. */
  readonly stores: readonly string[]
  /** Absent is undefined. */
  changed(key: ByteString, old: StoredValue<V> | undefined, now: StoredValue<V> | undefined): void
  /** The entries can be walked more than once; their keys are MAX_INDEX_PREFIX_BYTES longer than the store's at most. */
  takeWrites(): readonly StoreWrites[]
  discard(): void
}

export interface StoreChange<V> {
  readonly key: ByteString
  readonly old: StoredValue<V> | undefined
  readonly now: StoredValue<V> | undefined
}

const REBUILD_BATCH = 10_000

/** The observers of one task's stores. */
export class StoreObservers {
  readonly #observers = new Map<string, StoreObserver<unknown>[]>()

  add(store: string, observer: StoreObserver<unknown>): void {
    const list = this.#observers.get(store)
    if (list === undefined) this.#observers.set(store, [observer])
    else list.push(observer)
  }

  has(store: string): boolean {
    return this.#observers.has(store)
  }

  /** What all observers of a store ask for. */
  changed(store: string, changes: Iterable<StoreChange<unknown>>, maxKeyBytes: number): StoreWrites[] {
    const observers = this.#observers.get(store) ?? []
    for (const { key, old, now } of changes) {
      for (const observer of observers) observer.changed(key, old, now)
    }
    const writes = observers.flatMap(observer => observer.takeWrites())
    for (const { store, entries } of writes) {
      // An entry that does not fit would fail the commit after its records are in the log.
      for (const entry of entries) {
        assert(
          entry[0].length <= maxKeyBytes + MAX_INDEX_PREFIX_BYTES,
          `${store} was given a key of ${entry[0].length} bytes`,
        )
      }
    }
    return writes
  }

  discard(): void {
    for (const observers of this.#observers.values()) {
      for (const observer of observers) observer.discard()
    }
  }

  /** Builds the observers' stores anew from what the store holds, unless they were kept by the same versions. */
  rebuildIfChanged(store: string, state: TaskState, codec: Codec<unknown>): void {
    const observers = this.#observers.get(store) ?? []
    const version = observers.map(observer => observer.version).join('\n')
    const name = `observer/${store}`
    if (state.metadata(name) === version) return
    // The mark goes first: a rebuild that is cut short starts again.
    const emptied = observers.flatMap(observer => observer.stores)
    state.commit(
      emptied.map(each => ({ store: each, clear: true, entries: [] })),
      { [name]: 'rebuilding' },
    )
    let batch: StoreChange<unknown>[] = []
    for (const [key, stored] of state.store(store).range()) {
      batch.push({ key, old: undefined, now: decodeStored(stored, codec) })
      if (batch.length < REBUILD_BATCH) continue
      state.commit(this.changed(store, batch, state.maxKeyBytes), {})
      batch = []
    }
    state.commit(this.changed(store, batch, state.maxKeyBytes), { [name]: version })
  }
}

export function assertKeyLength(store: string, key: ByteString, maxKeyBytes: number): void {
  if (key.length <= maxKeyBytes) return
  throw new EvertError(
    'INVALID_VALUE',
    `A key of ${key.length} bytes for the store "${store}" is longer than the ${maxKeyBytes} bytes that it can hold. ` +
      `It begins with ${JSON.stringify(key.slice(0, 40))}.`,
  )
}
