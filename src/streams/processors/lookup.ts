import type { StoredValue } from '../state/store.ts'
import type { Cell } from './cell.ts'
import type { ProcessorContext } from './processor.ts'

/** The current row of a table, read by joins (Kafka Streams: KTableValueGetter). */
export interface Lookup {
  get(key: Cell): StoredValue<unknown> | undefined
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
