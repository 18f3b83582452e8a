import { EvertError } from '../../errors.ts'
import type { KeyValueStore } from './store.ts'

/** A store that others write: a put throws INVALID_ARGUMENT. */
export function readOnly<V>(store: KeyValueStore<V>): KeyValueStore<V> {
  return {
    name: store.name,
    get: key => store.get(key),
    put() {
      throw new EvertError(
        'INVALID_ARGUMENT',
        `The store "${store.name}" belongs to a global table and is only read. Write to the table's topic instead.`,
      )
    },
    range: (from, to, options) => store.range(from, to, options),
  }
}
