import type { Codec } from '../../contracts/codec.ts'
import { latin1Write } from '../../internal/latin1.ts'
import type { RecordHeader } from '../../records/record-batch.ts'
import { fits, tooLarge } from '../processors/record-limit.ts'
import type { RecordCollector } from '../runtime/record-collector.ts'
import { type ByteStore, type ByteString, NO_ENTRIES, type TaskState } from './byte-store.ts'
import { reusingEntries, type StoredEntry } from './reusing-entries.ts'
import { mergeRanges } from './merge-ranges.ts'
import { OrderedKeys } from './ordered-keys.ts'
import type { KeyValueStore, StoredValue } from './store.ts'
import { decodeStored, StoredValueWriter } from './stored-value.ts'
import { assertKeyLength, type StoreChange } from './store-observer.ts'
import type { RestoredRecord, TaskStoreDefinition } from './task-stores.ts'

/**
 * What is known of one key. The same slot serves get and put, so that an update is one look-up and no insertion.
 * `old` is the committed value, once known; it may be unknown after a put that nobody's get preceded.
 */
class Slot<V> {
  readonly key: ByteString
  now: StoredValue<V> | undefined
  old: StoredValue<V> | undefined
  oldKnown: boolean
  dirty = false
  /** Of the last put, deletes included. */
  timestamp = 0
  /** The bytes of `now`, from writeChangelog until the commit. */
  encoded: Buffer | undefined = undefined

  constructor(key: ByteString, now: StoredValue<V> | undefined, oldKnown: boolean) {
    this.key = key
    this.now = now
    this.old = now
    this.oldKnown = oldKnown
  }
}

const NO_HEADERS: readonly RecordHeader[] = []

/** Charged for each changed key besides its bytes: the slot, the value object, map entries. */
const SLOT_BYTES = 200

/**
 * One store of a task: a write-back cache over the engine.
 *
 * Slots live in two generations. A key that is used moves to the young one; when that is full, the old generation is
 * forgotten, the young one becomes old, and a new one begins. Which approximates least-recently-used at the cost of one
 * map operation, where a linked list needs several. Changed slots are carried over, never forgotten. A store that is
 * only written and read in ranges (the records of a stream join) forgets all of them at a commit: ranges do not look
 * there, and a small map is a fast one.
 */
export class CachedStore<V> implements KeyValueStore<V> {
  readonly name: string
  readonly codec: Codec<V>
  readonly #engine: ByteStore
  readonly #changelog: TaskStoreDefinition['changelog']
  readonly #maxKeyBytes: number
  readonly #sorted: boolean
  readonly #writer = new StoredValueWriter()
  #cached = 0
  #youngLimit = 0
  #young = new Map<ByteString, Slot<V>>()
  #aged = new Map<ByteString, Slot<V>>()
  /** Whether a value was asked for by its key since the last commit. */
  #isRead = false
  /** The slot that was asked for last; always one of those above. */
  #last: Slot<V> | undefined
  #dirty: Slot<V>[] = []
  /** The changed keys in order; made by the first range after a commit and kept in step until the next. */
  #dirtyOrder: OrderedKeys | undefined
  #dirtyBytes = 0
  /** Of the values encoded last, to guess the size of those that are not encoded yet. */
  #valueBytes = 64
  #keyBuffer = Buffer.allocUnsafeSlow(256)
  #keyView: Buffer = this.#keyBuffer

  constructor(engine: ByteStore, state: TaskState, definition: TaskStoreDefinition & { value: Codec<V> }) {
    this.name = definition.name
    this.codec = definition.value
    this.#engine = engine
    this.#changelog = definition.changelog
    this.#maxKeyBytes = state.maxKeyBytes
    this.#sorted = state.prefersSortedWrites
  }

  /** How many values to keep besides the changed ones. */
  set cachedValues(count: number) {
    this.#cached = Math.max(count, 16)
    this.#youngLimit = this.#cached
  }

  get dirtyCount(): number {
    return this.#dirty.length
  }

  get dirtyBytes(): number {
    return this.#dirtyBytes
  }

  get(key: ByteString): StoredValue<V> | undefined {
    this.#isRead = true
    const slot = this.#slot(key)
    if (slot !== undefined) return slot.now
    const now = this.#load(key)
    this.#insert(new Slot(key, now, true))
    return now
  }

  put(key: ByteString, value: V | null, timestamp: number): void {
    assertKeyLength(this.name, key, this.#maxKeyBytes)
    let slot = this.#slot(key)
    if (slot === undefined) {
      slot = new Slot<V>(key, undefined, false)
      this.#insert(slot)
    }
    slot.now = value === null ? undefined : { value, timestamp }
    slot.timestamp = timestamp
    if (slot.dirty) return
    slot.dirty = true
    this.#dirty.push(slot)
    this.#dirtyBytes += key.length + this.#valueBytes + SLOT_BYTES
    this.#dirtyOrder?.add(key)
  }

  range(
    from?: ByteString,
    to?: ByteString,
    options: { reverse?: boolean } = {},
  ): Iterable<readonly [ByteString, StoredValue<V>]> {
    const reverse = options.reverse === true
    const dirty = this.#dirtyIn(from, to, reverse)
    const stored = this.#engine.range(from, to, options)
    if (stored === NO_ENTRIES) return dirty.length === 0 ? NO_ENTRIES : dirty.filter(isPresent)
    return dirty.length === 0 ? this.#decoded(stored) : this.#merged(dirty, stored, reverse)
  }

  *#decoded(
    stored: Iterable<readonly [ByteString, Buffer]>,
  ): Generator<readonly [ByteString, StoredValue<V>]> {
    for (const [key, value] of stored) yield [key, decodeStored(value, this.codec)]
  }

  *#merged(
    dirty: readonly DirtyEntry<V>[],
    stored: Iterable<readonly [ByteString, Buffer]>,
    reverse: boolean,
  ): Generator<readonly [ByteString, StoredValue<V>]> {
    for (const [key, value] of mergeRanges<StoredValue<V> | Buffer>(dirty, stored, reverse)) {
      yield [key, Buffer.isBuffer(value) ? decodeStored(value, this.codec) : value]
    }
  }

  /** Encodes every changed value, once, and sends it on; a key that is absent as before is left out. */
  writeChangelog(collector: RecordCollector): void {
    // Neighbours share pages of the engine's tree, which the commit then visits once.
    if (this.#sorted) this.#dirty.sort(byKey)
    const { codec } = this
    const changelog = this.#changelog
    let bytes = 0
    for (const slot of this.#dirty) {
      const { now } = slot
      slot.encoded = now === undefined ? undefined : codec.encode(now.value)
      bytes += slot.encoded?.length ?? 0
      if (changelog === undefined) continue
      if (now === undefined && !this.#existed(slot)) continue
      const key = this.#keyBytes(slot.key)
      const value = slot.encoded ?? null
      this.#assertFits(key, value)
      collector.collect(changelog.topic, changelog.partition, slot.timestamp, key, value, NO_HEADERS)
    }
    this.#valueBytes = Math.ceil(bytes / this.#dirty.length)
  }

  /** Throws RECORD_TOO_LARGE for a row that the changelog does not take. */
  verify(key: ByteString): void {
    const now = this.#slot(key)?.now
    if (now !== undefined) this.#assertFits(this.#keyBytes(key), this.codec.encode(now.value))
  }

  /** After writeChangelog: what the engine is to apply. Every entry is the same array, over the same buffer. */
  changedEntries(): Iterable<StoredEntry> {
    const writer = this.#writer
    return reusingEntries(this.#dirty, ({ key, now, encoded }, entry) => {
      entry[0] = key
      entry[1] = now === undefined ? undefined : writer.write(now.timestamp, encoded as Buffer)
    })
  }

  /** After writeChangelog: the changes with their committed old values. */
  *changes(): Generator<StoreChange<V>> {
    for (const slot of this.#dirty) yield { key: slot.key, old: this.#oldOf(slot), now: slot.now }
  }

  /** The engine has applied the changes. */
  committed(): void {
    if (this.#dirty.length === 0) return
    for (const slot of this.#dirty) {
      slot.old = slot.now
      slot.oldKnown = true
      slot.dirty = false
      slot.encoded = undefined
    }
    this.#forgetDirty()
    if (!this.#isRead) this.#forgetSlots()
    this.#isRead = false
  }

  abort(): void {
    this.#forgetSlots()
    this.#forgetDirty()
  }

  /** Changelog records as the engine is to apply them. Every entry is the same array, over the same buffer. */
  restoredEntries(records: readonly RestoredRecord[]): Iterable<StoredEntry> {
    const writer = this.#writer
    return reusingEntries(records, ({ key, value, timestamp }, entry) => {
      assertKeyLength(this.name, key, this.#maxKeyBytes)
      entry[0] = key
      entry[1] = value === null ? undefined : writer.write(timestamp, value)
    })
  }

  /** One record per key. */
  *restoredChanges(records: readonly RestoredRecord[]): Generator<StoreChange<V>> {
    for (const { key, value, timestamp } of records) {
      const now = value === null ? undefined : { value: this.codec.decode(value), timestamp }
      yield { key, old: this.#load(key), now }
    }
  }

  #dirtyIn(
    from: ByteString | undefined,
    to: ByteString | undefined,
    reverse: boolean,
  ): readonly DirtyEntry<V>[] {
    if (this.#dirty.length === 0) return NO_ENTRIES
    this.#dirtyOrder ??= new OrderedKeys(this.#dirty.map(slot => slot.key))
    const keys = this.#dirtyOrder.between(from, to)
    if (keys.length === 0) return NO_ENTRIES
    if (reverse) keys.reverse()
    return keys.map(key => [key, this.#slot(key)?.now])
  }

  #slot(key: ByteString): Slot<V> | undefined {
    // An update asks twice for one key: a sixth of its time.
    if (this.#last?.key === key) return this.#last
    const slot = this.#young.get(key)
    if (slot !== undefined) return (this.#last = slot)
    const aged = this.#aged.get(key)
    if (aged === undefined) return undefined
    this.#aged.delete(key)
    this.#insert(aged)
    return aged
  }

  #insert(slot: Slot<V>): void {
    if (this.#young.size >= this.#youngLimit) this.#age()
    this.#young.set(slot.key, slot)
    this.#last = slot
  }

  #age(): void {
    this.#last = undefined
    const forgotten = this.#aged
    this.#aged = this.#young
    this.#young = new Map()
    for (const slot of this.#dirty) {
      if (forgotten.has(slot.key)) this.#young.set(slot.key, slot)
    }
    // At least doubles what was carried over: a large transaction must not age at every insertion.
    this.#youngLimit = Math.max(this.#cached, this.#young.size * 2)
  }

  /** At the last commit. Needs no decoding. */
  #existed(slot: Slot<V>): boolean {
    return slot.oldKnown ? slot.old !== undefined : this.#engine.get(slot.key) !== undefined
  }

  #oldOf(slot: Slot<V>): StoredValue<V> | undefined {
    if (!slot.oldKnown) {
      slot.old = this.#load(slot.key)
      slot.oldKnown = true
    }
    return slot.old
  }

  #load(key: ByteString): StoredValue<V> | undefined {
    const stored = this.#engine.get(key)
    return stored === undefined ? undefined : decodeStored(stored, this.codec)
  }

  #forgetSlots(): void {
    this.#last = undefined
    this.#young = new Map()
    this.#aged = new Map()
  }

  #forgetDirty(): void {
    this.#dirty = []
    this.#dirtyBytes = 0
    this.#dirtyOrder = undefined
  }

  #assertFits(key: Buffer, value: Buffer | null): void {
    const limit = this.#changelog?.limit
    if (limit === undefined || fits(key, value, NO_HEADERS, limit)) return
    const what = `A row of the store "${this.name}", for its changelog topic "${this.#changelog?.topic}",`
    throw tooLarge(what, { key, value, headers: NO_HEADERS }, limit)
  }

  #keyBytes(key: ByteString): Buffer {
    if (key.length > this.#keyBuffer.length)
      this.#keyView = this.#keyBuffer = Buffer.allocUnsafeSlow(key.length * 2)
    latin1Write(this.#keyBuffer, key)
    // Keys of a store often have one length: the view is then made once.
    if (this.#keyView.length !== key.length) this.#keyView = this.#keyBuffer.subarray(0, key.length)
    return this.#keyView
  }
}

/** A changed key; undefined: it is deleted. */
type DirtyEntry<V> = readonly [ByteString, StoredValue<V> | undefined]

function isPresent<V>(entry: DirtyEntry<V>): entry is readonly [ByteString, StoredValue<V>] {
  return entry[1] !== undefined
}

function byKey(a: { key: ByteString }, b: { key: ByteString }): number {
  return a.key < b.key ? -1 : 1
}
