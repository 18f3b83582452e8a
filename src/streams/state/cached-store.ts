import type { Codec } from '../../contracts/codec.ts'
import { latin1Write } from '../../internal/latin1.ts'
import type { RecordHeader } from '../../records/record-batch.ts'
import { fits, tooLarge } from '../../records/record-limit.ts'
import type { RecordCollector } from './record-collector.ts'
import { type ByteStore, type ByteString, NO_ENTRIES, type TaskState } from './byte-store.ts'
import { reusingEntries, type StoredEntry } from './reusing-entries.ts'
import { UnflushedWalk, type UnflushedEntry } from './unflushed-walk.ts'
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
  /** Changed since the last commit. */
  dirty = false
  /** It is not in the engine as it is here. */
  unflushed = false
  /** The engine has not got what a commit has decided. */
  behind = false
  /** Whether the engine may have the key at all. */
  stored = true
  /** Of the last put, deletes included. */
  timestamp = 0
  /** The bytes of `now`, from writeChangelog until the engine has them. */
  encoded: Buffer | undefined = undefined

  constructor(key: ByteString, now: StoredValue<V> | undefined, oldKnown: boolean) {
    this.key = key
    this.now = now
    this.old = now
    this.oldKnown = oldKnown
  }
}

/** As many keys of a range are looked up at once, without an iterator that is kept in step. */
const FEW = 16

const NO_HEADERS: readonly RecordHeader[] = []

/** Charged for each changed key besides its bytes: the slot, the value object, map entries. */
const SLOT_BYTES = 200

/**
 * One store of a task: a write-back cache over the engine.
 *
 * A commit settles the changed values; the engine gets them then or, many commits at once, later: a key that changes
 * in every commit is written to it once. Until it has them all reads find them here.
 *
 * Slots live in two generations. A key that is used moves to the young one; when that is full, the old generation is
 * forgotten, the young one becomes old, and a new one begins. Which approximates least-recently-used at the cost of one
 * map operation, where a linked list needs several. Slots that the engine has not got are carried over, never
 * forgotten. A store that is only written and read in ranges (the records of a stream join) forgets all of them when the
 * engine has them: ranges do not look there, and a small map is a fast one.
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
  /** Whether a value was asked for by its key since the engine last took what changed. */
  #isRead = false
  /** The slot that was asked for last; always one of those above. */
  #last: Slot<V> | undefined
  #dirty: Slot<V>[] = []
  /** What the engine has not got: the dirty ones, and those of earlier commits. */
  #unflushed: Slot<V>[] = []
  /** Their keys in order; made by the first range after a flush and kept in step until the next. */
  #order: OrderedKeys | undefined
  /** Ranges that are being read. */
  readonly #walks = new Set<UnflushedWalk<V>>()
  #unflushedBytes = 0
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

  get unflushedCount(): number {
    return this.#unflushed.length
  }

  get unflushedBytes(): number {
    return this.#unflushedBytes
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
    if (this.#walks.size > 0) this.#detachWalks()
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
    if (slot.unflushed) return
    slot.unflushed = true
    slot.stored = !slot.oldKnown || slot.old !== undefined
    this.#unflushed.push(slot)
    this.#unflushedBytes += key.length + this.#valueBytes + SLOT_BYTES
    this.#order?.add(key)
  }

  range(
    from?: ByteString,
    to?: ByteString,
    options: { reverse?: boolean } = {},
  ): Iterable<readonly [ByteString, StoredValue<V>]> {
    const reverse = options.reverse === true
    const over = this.#unflushedIn(from, to, reverse)
    const stored = this.#engine.range(from, to, options)
    if (over === NO_ENTRIES) return stored === NO_ENTRIES ? NO_ENTRIES : this.#decoded(stored)
    if (stored !== NO_ENTRIES) return this.#merged(over, stored, reverse)
    return Array.isArray(over) ? over.filter(isPresent) : present(over)
  }

  *#decoded(
    stored: Iterable<readonly [ByteString, Buffer]>,
  ): Generator<readonly [ByteString, StoredValue<V>]> {
    for (const [key, value] of stored) yield [key, decodeStored(value, this.codec)]
  }

  *#merged(
    over: Iterable<UnflushedEntry<V>>,
    stored: Iterable<readonly [ByteString, Buffer]>,
    reverse: boolean,
  ): Generator<readonly [ByteString, StoredValue<V>]> {
    for (const [key, value] of mergeRanges<StoredValue<V> | Buffer>(over, stored, reverse)) {
      yield [key, Buffer.isBuffer(value) ? decodeStored(value, this.codec) : value]
    }
  }

  /** Encodes every changed value, once, and sends it on; a key that is absent as before is left out. */
  writeChangelog(collector: RecordCollector): void {
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

  /** What commits have decided and the engine is to apply. Every entry is the same array, over the same buffer. */
  decidedEntries(): Iterable<StoredEntry> {
    const { codec } = this
    const writer = this.#writer
    const slots = this.#unflushed.filter(({ behind, old, stored }) => behind && (stored || old !== undefined))
    // Neighbours share pages of the engine's tree, which it then visits once.
    if (this.#sorted) slots.sort(byKey)
    return reusingEntries(slots, ({ key, old, dirty, encoded }, entry) => {
      entry[0] = key
      entry[1] =
        old === undefined
          ? undefined
          : writer.write(old.timestamp, dirty ? codec.encode(old.value) : (encoded as Buffer))
    })
  }

  /** After writeChangelog: the changes with their committed old values. */
  *changes(): Generator<StoreChange<V>> {
    for (const slot of this.#dirty) yield { key: slot.key, old: this.#oldOf(slot), now: slot.now }
  }

  /** After writeChangelog: the changes are decided. */
  committed(): void {
    for (const slot of this.#dirty) {
      slot.old = slot.now
      slot.oldKnown = true
      slot.dirty = false
      slot.behind = true
    }
    this.#dirty = []
  }

  /** The engine has applied what `decidedEntries` gave. */
  flushed(): void {
    for (const slot of this.#unflushed) {
      if (slot.behind) slot.stored = slot.old !== undefined
      slot.behind = false
      if (slot.dirty) continue
      slot.unflushed = false
      slot.encoded = undefined
    }
    this.#hold(this.#unflushed.filter(({ unflushed }) => unflushed))
    if (this.#unflushed.length > 0) return
    if (!this.#isRead) this.#forgetSlots()
    this.#isRead = false
  }

  /** Back to the last commit. */
  abort(): void {
    this.#detachWalks()
    const { codec } = this
    const behind = this.#unflushed.filter(slot => slot.behind)
    for (const slot of behind) {
      if (!slot.dirty) continue
      slot.now = slot.old
      slot.encoded = slot.old === undefined ? undefined : codec.encode(slot.old.value)
      slot.dirty = false
    }
    this.#dirty = []
    this.#forgetSlots()
    for (const slot of behind) this.#young.set(slot.key, slot)
    this.#hold(behind)
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

  #unflushedIn(
    from: ByteString | undefined,
    to: ByteString | undefined,
    reverse: boolean,
  ): UnflushedEntry<V>[] | UnflushedWalk<V> | typeof NO_ENTRIES {
    if (this.#unflushed.length === 0) return NO_ENTRIES
    this.#order ??= new OrderedKeys(this.#unflushed.map(slot => slot.key))
    const keys = this.#order.between(from, to, FEW)
    if (keys.length === 0) return NO_ENTRIES
    if (keys.length > FEW) {
      // Who takes one of many pays for one.
      const walk = new UnflushedWalk(
        this.#order.range(from, to, reverse),
        key => this.#slot(key)?.now,
        done => this.#walks.delete(done),
      )
      this.#walks.add(walk)
      return walk
    }
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
    for (const slot of this.#unflushed) {
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

  #detachWalks(): void {
    for (const walk of this.#walks) walk.detach()
    this.#walks.clear()
  }

  #forgetSlots(): void {
    this.#last = undefined
    this.#young = new Map()
    this.#aged = new Map()
  }

  /** These are what the engine has not got. */
  #hold(slots: Slot<V>[]): void {
    this.#detachWalks()
    this.#unflushed = slots
    this.#order = undefined
    this.#unflushedBytes = 0
    for (const { key } of slots) this.#unflushedBytes += key.length + this.#valueBytes + SLOT_BYTES
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

function isPresent<V>(entry: UnflushedEntry<V>): entry is readonly [ByteString, StoredValue<V>] {
  return entry[1] !== undefined
}

function* present<V>(entries: Iterable<UnflushedEntry<V>>): Generator<readonly [ByteString, StoredValue<V>]> {
  for (const entry of entries) if (isPresent(entry)) yield entry
}

function byKey(a: { key: ByteString }, b: { key: ByteString }): number {
  return a.key < b.key ? -1 : 1
}
