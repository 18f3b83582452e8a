import type { StoredValue } from '../state/store.ts'
import type { Cell } from './cell.ts'
import type { ProcessorContext } from './processor.ts'

/** The rows of a table, read by joins (Kafka Streams: KTableValueGetter). */
export interface Lookup {
  /** The current row; with `asOf`, of a versioned table the row as it was at that time. */
  get(key: Cell, asOf?: number): StoredValue<unknown> | undefined
}

/** How a processor gets at a table's rows: the stores it must be connected to, and the reader to build on them. */
export interface LookupFactory {
  stores(): readonly string[]
  create(context: ProcessorContext): Lookup
}

/** Rows of a materialised table. */
export function storeLookup(store: string): LookupFactory {
  return {
    stores: () => [store],
    create(context) {
      const rows = context.keyValue<unknown>(store)
      return { get: key => rows.get(key.byteString) }
    },
  }
}
