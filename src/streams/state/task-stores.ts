import type { Codec } from '../../contracts/codec.ts'
import { assert } from '../../internal/assert.ts'
import type { RecordLimit } from '../../records/record-limit.ts'
import type { RecordCollector } from './record-collector.ts'
import type { ByteStore, ByteString, StoreWrites, TaskState } from './byte-store.ts'
import { CachedStore } from './cached-store.ts'
import { readCommitted } from './committed-store.ts'
import type { KeyValueStore } from './store.ts'
import { StoreObservers, type StoreObserver } from './store-observer.ts'
import { WatchedStore } from './watched-store.ts'
import { WindowBlockCodec } from './window-blocks.ts'
import { committedWindowRows, storesByName, windowObserver } from './window-rows.ts'

export interface TaskStoreDefinition {
  readonly name: string
  readonly value: Codec<unknown>
  /** Where changes are logged; undefined: nowhere, or the changelog is a topic that somebody else writes. */
  readonly changelog:
    | { readonly topic: string; readonly partition: number; readonly limit?: RecordLimit }
    | undefined
}

export interface TaskStoresOptions {
  /** Decoded values kept in memory, over all stores; up to twice as many at times. Default 100 000. */
  readonly cachedValues?: number
  /**
   * The TaskState is committed to at most so often, with what several commits changed: keys that change in each of them
   * are written once. What it is behind is in the changelogs. Default 0: with every commit, which is for stores without
   * a changelog and for those that others read.
   */
  readonly flushIntervalMs?: number
  /** Tells when a flush is due. */
  readonly elapsedMs?: () => number
  /** How much of the first interval is over. Default 0. */
  readonly elapsedAtFirst?: number
}

/** What a view reads: committed state only. */
export type CommittedStore<V> = Omit<KeyValueStore<V>, 'put'>

/**
 * The typed stores of one task over its TaskState: a write-back cache.
 *
 * Algorithm: writes stay in memory as decoded values until the commit. `writeChangelog` encodes each changed key once
 * and sends it on; when the transaction that carries those records is decided, `commit` settles them, and a flush
 * applies the same bytes, of one commit or of several, together with the metadata in one TaskState commit. `abort` goes
 * back to the last commit.
 *
 * State: per store, the slots of keys that the engine has otherwise (never evicted) and of recently used ones (bounded);
 * the metadata that belongs to the former.
 *
 * Why it is correct: the engine only ever holds what was committed, all of it up to one commit; the changelog gets
 * exactly the difference between two commits, so that replaying it from the offset in the engine's metadata gives the
 * same state, however many commits it was behind.
 */
export class TaskStores {
  readonly #state: TaskState
  readonly #stores = new Map<string, CachedStore<unknown>>()
  /** What `keyValue` gives out. */
  readonly #byName = new Map<string, KeyValueStore<unknown>>()
  readonly #observers = new StoreObservers()
  readonly #cachedValues: number
  #watched: readonly WatchedStore[] = []
  #flushIntervalMs: number
  readonly #elapsedMs: () => number
  #flushedAtMs: number
  /** Of the observers. */
  #prepared: StoreWrites[] | undefined
  /** What the engine has not got yet. */
  #metadata: Record<string, string> = {}

  constructor(state: TaskState, options: TaskStoresOptions = {}) {
    this.#state = state
    const { cachedValues = 100_000, flushIntervalMs = 0, elapsedMs = () => 0, elapsedAtFirst = 0 } = options
    this.#cachedValues = cachedValues
    this.#flushIntervalMs = flushIntervalMs
    this.#elapsedMs = elapsedMs
    this.#flushedAtMs = elapsedMs() - flushIntervalMs * elapsedAtFirst
  }

  /** Opens a store, once. */
  open<V>(definition: TaskStoreDefinition & { readonly value: Codec<V> }): KeyValueStore<V> {
    const { name } = definition
    assert(!this.#stores.has(name), `store ${name} is opened twice`)
    const store = new CachedStore<unknown>(this.#state.store(name), this.#state, definition)
    this.#stores.set(name, store)
    for (const [each, opened] of storesByName(store, definition.value)) this.#byName.set(each, opened)
    const share = Math.ceil(this.#cachedValues / this.#stores.size)
    for (const each of this.#stores.values()) each.cachedValues = Math.ceil(share / weightOf(each.codec))
    return this.keyValue(name)
  }

  /** A store that is open. */
  keyValue<V>(name: string): KeyValueStore<V> {
    const store = this.#byName.get(name)
    assert(store !== undefined, `store ${name} is not open`)
    return store as KeyValueStore<V>
  }

  /**
   * Tells the observer of every change at its commit; what it returns is committed with it. When the observer's
   * version is not the one that this state was last committed with, its stores are rebuilt first.
   */
  observe(name: string, observer: StoreObserver<unknown>): void {
    const { codec } = this.#store(name)
    const ofBlocks = codec instanceof WindowBlockCodec
    this.#observers.add(name, ofBlocks ? windowObserver(observer, codec) : observer)
    this.#observers.rebuildIfChanged(name, this.#state, codec)
  }

  /** From now on `keyValue` gives stores whose changes `verifyChanges` looks at. */
  watchChanges(): void {
    this.#watched = Array.from(this.#stores.values(), store => {
      const watched = new WatchedStore(store)
      for (const [each, opened] of storesByName(watched, store.codec)) this.#byName.set(each, opened)
      return watched
    })
  }

  /** Throws RECORD_TOO_LARGE for a change since the last call that its changelog does not take. */
  verifyChanges(): void {
    for (const store of this.#watched) store.verify()
  }

  /** Committed values only: what views read. The engine, which they read, follows each commit from here on. */
  committed<V>(name: string): CommittedStore<V> {
    const { codec } = this.#store(name)
    this.#flushIntervalMs = 0
    this.#flush([])
    const bytes = this.#state.store(name)
    if (!(codec instanceof WindowBlockCodec)) return readCommitted(bytes, codec as Codec<V>)
    return committedWindowRows(readCommitted(bytes, codec), codec.layout) as CommittedStore<V>
  }

  /** The bytes of a store that an observer keeps. */
  bytes(name: string): ByteStore {
    return this.#state.store(name)
  }

  metadata(name: string): string | undefined {
    return this.#metadata[name] ?? this.#state.metadata(name)
  }

  /** Keys changed since the last commit. */
  get dirtyCount(): number {
    let count = 0
    for (const store of this.#stores.values()) count += store.dirtyCount
    return count
  }

  /** About how much memory is held by what the engine has not got, dirty or committed. */
  get unflushedBytes(): number {
    let bytes = 0
    for (const store of this.#stores.values()) bytes += store.unflushedBytes
    return bytes
  }

  /**
   * Sends each change since the last commit to its changelog, tombstones for deletes, and prepares the commit.
   * No writes until then. Throws what codecs and observers throw, INVALID_VALUE, and RECORD_TOO_LARGE for what the
   * changelog does not take; then `abort`.
   */
  writeChangelog(collector: RecordCollector): void {
    assert(this.#prepared === undefined, 'a commit is prepared twice')
    const writes: StoreWrites[] = []
    for (const store of this.#stores.values()) {
      if (store.dirtyCount === 0) continue
      store.writeChangelog(collector)
      if (this.#observers.has(store.name)) {
        writes.push(...this.#observers.changed(store.name, store.changes(), this.#state.maxKeyBytes))
      }
    }
    this.#prepared = writes
  }

  /**
   * Settles what `writeChangelog` prepared, with the metadata. The engine gets it now when `mustFlush` says so, when
   * observers have something to write, or when that is due; otherwise with a later commit, or with `close`.
   */
  commit(metadata: Readonly<Record<string, string>>, { mustFlush = false }: CommitOptions = {}): void {
    const writes = this.#prepared
    assert(writes !== undefined, 'a commit is not prepared')
    this.#prepared = undefined
    for (const store of this.#stores.values()) store.committed()
    Object.assign(this.#metadata, metadata)
    const isDue = this.#elapsedMs() - this.#flushedAtMs >= this.#flushIntervalMs
    if (mustFlush || isDue || writes.length > 0) this.#flush(writes)
  }

  /** Forgets every change since the last commit. */
  abort(): void {
    this.#prepared = undefined
    this.#observers.discard()
    for (const store of this.#stores.values()) store.abort()
  }

  /**
   * Applies changelog records (null value: tombstone; in log order) as they are, without decoding, in one commit.
   * Only while nothing is dirty: a task restores before it runs.
   */
  restore(
    name: string,
    records: readonly RestoredRecord[],
    metadata: Readonly<Record<string, string>>,
  ): void {
    const store = this.#store(name)
    assert(store.dirtyCount === 0, 'a running task is restored')
    this.#flush([])
    const observed = this.#observers.has(name)
    const applied = observed ? latestPerKey(records) : records
    const writes: StoreWrites[] = [{ store: name, entries: store.restoredEntries(applied) }]
    if (observed) {
      const changes = store.restoredChanges(applied)
      writes.push(...this.#observers.changed(name, changes, this.#state.maxKeyBytes))
    }
    this.#state.commit(writes, metadata)
    store.abort()
  }

  /** What is committed goes to the engine; what is not is lost. */
  async close(): Promise<void> {
    this.abort()
    try {
      this.#flush([])
    } finally {
      await this.#state.close()
    }
  }

  #flush(observed: readonly StoreWrites[]): void {
    const metadata = this.#metadata
    const changed = [...this.#stores.values()].filter(store => store.unflushedCount > 0)
    this.#flushedAtMs = this.#elapsedMs()
    if (changed.length === 0 && observed.length === 0 && Object.keys(metadata).length === 0) return
    const writes = changed.map(store => ({ store: store.name, entries: store.decidedEntries() }))
    this.#metadata = {}
    try {
      this.#state.commit([...writes, ...observed], metadata)
    } finally {
      // Where the disk refuses, the engine stays behind, as after a crash: it is not asked again.
      for (const store of changed) store.flushed()
    }
  }

  #store(name: string): CachedStore<unknown> {
    const store = this.#stores.get(name)
    assert(store !== undefined, `store ${name} is not open`)
    return store
  }
}

export interface CommitOptions {
  /** Default false. */
  readonly mustFlush?: boolean
}

/** In rows that are kept by themselves, about. */
function weightOf(codec: Codec<unknown>): number {
  return codec instanceof WindowBlockCodec ? Math.ceil(codec.layout.perBlock / 8) : 1
}

/** Observers hear of the difference that a batch makes, not of its steps. */
function latestPerKey(records: readonly RestoredRecord[]): RestoredRecord[] {
  return [...new Map(records.map(record => [record.key, record])).values()]
}

export interface RestoredRecord {
  readonly key: ByteString
  readonly value: Buffer | null
  readonly timestamp: number
}
