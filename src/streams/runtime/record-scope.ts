import type { RecordHeader } from '../../records/record-batch.ts'
import type { ByteString } from '../state/byte-store.ts'
import type { KeyValueStore, StoredValue } from '../state/store.ts'
import type { StoreAccess } from '../processors/processor.ts'
import type { RecordCollector } from '../state/record-collector.ts'

type Output = Parameters<RecordCollector['collect']>

/**
 * Makes one source record's effects all or nothing, for tasks that go on after a record failed. Outputs wait until
 * the record is done; store writes go through at once, so that the record sees them, and what they replaced is
 * remembered and put back when it fails. Built into a task only when its error policy needs it.
 */
export class RecordScope implements StoreAccess, RecordCollector {
  readonly #stores: StoreAccess
  readonly #collector: RecordCollector
  readonly #outputs: Output[] = []
  readonly #undo: (() => void)[] = []

  constructor(stores: StoreAccess, collector: RecordCollector) {
    this.#stores = stores
    this.#collector = collector
  }

  keyValue<V>(name: string): KeyValueStore<V> {
    return new UndoableStore(this.#stores.keyValue<V>(name), this.#undo)
  }

  collect(
    topic: string,
    partition: number | undefined,
    timestamp: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: readonly RecordHeader[],
  ): void {
    this.#outputs.push([topic, partition, timestamp, key, value, headers])
  }

  /** The record is done: its outputs go out. */
  keep(): void {
    for (const output of this.#outputs) this.#collector.collect(...output)
    this.#outputs.length = 0
    this.#undo.length = 0
  }

  /** The record failed: as if it had never come. */
  undo(): void {
    for (const step of this.#undo.toReversed()) step()
    this.#outputs.length = 0
    this.#undo.length = 0
  }
}

class UndoableStore<V> implements KeyValueStore<V> {
  readonly name: string
  readonly #store: KeyValueStore<V>
  readonly #undo: (() => void)[]

  constructor(store: KeyValueStore<V>, undo: (() => void)[]) {
    this.name = store.name
    this.#store = store
    this.#undo = undo
  }

  get(key: ByteString): StoredValue<V> | undefined {
    return this.#store.get(key)
  }

  put(key: ByteString, value: V | null, timestamp: number): void {
    const before = this.#store.get(key)
    this.#store.put(key, value, timestamp)
    // Only what was taken is put back: the store may refuse the key.
    this.#undo.push(() => this.#store.put(key, before?.value ?? null, before?.timestamp ?? timestamp))
  }

  range(from?: ByteString, to?: ByteString, options?: { reverse?: boolean }) {
    return this.#store.range(from, to, options)
  }
}
