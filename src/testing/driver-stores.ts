import { type ByteString, MAX_KEY_BYTES } from '../streams/state/byte-store.ts'
import type { KeyValueStore, StoredValue } from '../streams/state/store.ts'
import { assertKeyLength } from '../streams/state/store-observer.ts'
import { WindowBlock } from '../streams/state/window-blocks.ts'
import { deepFreeze } from './deep-freeze.ts'

/** A store of the test driver: a Map, its values frozen so that a function that mutates one throws. */
export class DriverStore<V> implements KeyValueStore<V> {
  readonly name: string
  readonly #rows = new Map<ByteString, StoredValue<V>>()

  constructor(name: string) {
    this.name = name
  }

  get(key: ByteString): StoredValue<V> | undefined {
    return this.#rows.get(key)
  }

  put(key: ByteString, value: V | null, timestamp: number): void {
    assertKeyLength(this.name, key, MAX_KEY_BYTES)
    if (value === null) this.#rows.delete(key)
    else this.#rows.set(key, { value: frozen(value), timestamp })
  }

  *range(
    from: ByteString = '',
    to?: ByteString,
    { reverse = false }: { reverse?: boolean } = {},
  ): Iterable<readonly [ByteString, StoredValue<V>]> {
    const rows = [...this.#rows].filter(([key]) => key >= from && (to === undefined || key < to))
    rows.sort(([a], [b]) => (a < b ? -1 : 1))
    yield* reverse ? rows.toReversed() : rows
  }
}

function frozen<V>(value: V): V {
  if (!(value instanceof WindowBlock)) return deepFreeze(value)
  for (let place = 0; place < value.windows; place++) deepFreeze(value.value(place))
  return value
}
