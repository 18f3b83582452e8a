import type { ByteString, StoreWrites } from '../streams/state/byte-store.ts'
import { fieldValue } from './field-value.ts'
import { encodeFieldValue } from './index-codec.ts'

/** Written beside a store's index; a store whose number differs is indexed anew. */
export const INDEX_FORMAT = 1

/** The name of the byte store that holds the index of a field. */
export function indexStoreName(store: string, field: string): string {
  return `${store}-by-${field}`
}

const PRESENT = Buffer.from([INDEX_FORMAT])

/**
 * Keeps the index of one field in step with its store: it hears of every change and hands out its own writes, to be
 * committed in the same transaction.
 *
 * Contract: `old` is what the index last heard of for the key (at first: what is committed). Every row has exactly one
 * entry, also when it lacks the field. Several changes of a key before `takeWrites` are allowed.
 */
export class SecondaryIndex {
  readonly store: string
  readonly field: string
  #entries = new Map<ByteString, Buffer | undefined>()

  constructor(store: string, field: string) {
    this.store = indexStoreName(store, field)
    this.field = field
  }

  /** undefined: the row is not there. */
  observe(key: ByteString, old: unknown, current: unknown): void {
    const before = old === undefined ? undefined : encodeFieldValue(fieldValue(old, this.field))
    const after = current === undefined ? undefined : encodeFieldValue(fieldValue(current, this.field))
    if (before === after) return
    if (before !== undefined) this.#entries.set(before + key, undefined)
    if (after !== undefined) this.#entries.set(after + key, PRESENT)
  }

  /** What changed since the last call. */
  takeWrites(): StoreWrites {
    const entries = this.#entries
    this.#entries = new Map()
    return { store: this.store, entries }
  }

  /** Forgets what changed since the last `takeWrites`: the transaction was aborted. */
  discard(): void {
    this.#entries.clear()
  }

  /** The entries of an index made from scratch. */
  *entriesFor(rows: Iterable<readonly [ByteString, unknown]>): Iterable<readonly [ByteString, Buffer]> {
    for (const [key, row] of rows) yield [encodeFieldValue(fieldValue(row, this.field)) + key, PRESENT]
  }
}
