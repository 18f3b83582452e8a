import type { ByteString, StoreWrites } from '../streams/state/byte-store.ts'
import type { StoredValue } from '../streams/state/store.ts'
import type { StoreObserver } from '../streams/state/store-observer.ts'
import { fieldValue } from './field-value.ts'
import { encodeFieldValue } from './index-codec.ts'

/** The layout of index entries (index-codec.ts); stores with entries of another one are indexed anew. */
const FORMAT = 1

const PRESENT = Buffer.from([FORMAT])

/** The name of the byte store that holds the index of a field. */
export function indexStoreName(store: string, field: string): string {
  return `${store}-by-${field}`
}

/**
 * Keeps the indexes of a store's fields in step with it: one entry per row and field, value and key, also when the
 * row lacks the field.
 *
 * Why it is right to write only what changed: an entry is a function of the row's value and key, `old` is the
 * committed row, and entries are committed in the row's own transaction; so the entry of `old` is there, and it is the
 * only one of the key.
 */
export class SecondaryIndexes<V> implements StoreObserver<V> {
  readonly version: string
  readonly stores: readonly string[]
  readonly #indexes: readonly FieldIndex[]

  constructor(store: string, fields: readonly string[]) {
    const distinct = [...new Set(fields)].toSorted()
    this.version = `index ${FORMAT} ${JSON.stringify(distinct)}`
    this.#indexes = distinct.map(field => ({
      field,
      store: indexStoreName(store, field),
      entries: new Map(),
    }))
    this.stores = this.#indexes.map(index => index.store)
  }

  changed(key: ByteString, old: StoredValue<V> | undefined, now: StoredValue<V> | undefined): void {
    for (const { field, entries } of this.#indexes) {
      const before = old === undefined ? undefined : encodeFieldValue(fieldValue(old.value, field))
      const after = now === undefined ? undefined : encodeFieldValue(fieldValue(now.value, field))
      if (before === after) continue
      if (before !== undefined) entries.set(before + key, undefined)
      if (after !== undefined) entries.set(after + key, PRESENT)
    }
  }

  takeWrites(): StoreWrites[] {
    const writes = this.#indexes.map(({ store, entries }) => ({ store, entries }))
    this.discard()
    return writes
  }

  discard(): void {
    for (const index of this.#indexes) index.entries = new Map()
  }
}

interface FieldIndex {
  readonly field: string
  readonly store: string
  entries: Map<ByteString, Buffer | undefined>
}
