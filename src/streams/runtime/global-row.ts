import type { GlobalTable } from '../graph/topology.ts'

/** The row that a record gives a global table; null deletes. Throws what its codecs and functions throw. */
export function globalRow({ store, derived }: GlobalTable, key: Buffer, value: Buffer | null): unknown {
  const decodedKey = store.key.decode(key)
  if (value === null) return null
  if (derived === undefined) return store.value.decode(value)
  return derived.row(derived.value.decode(value), decodedKey) ?? null
}
