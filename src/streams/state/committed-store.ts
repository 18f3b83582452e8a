import type { Codec } from '../../contracts/codec.ts'
import type { ByteStore, ByteString } from './byte-store.ts'
import type { StoredValue } from './store.ts'
import { decodeStored } from './stored-value.ts'
import type { CommittedStore } from './task-stores.ts'

/** Decodes at every read; sees what the engine holds and nothing else. */
export function readCommitted<V>(bytes: ByteStore, codec: Codec<V>): CommittedStore<V> {
  return {
    name: bytes.name,
    get(key) {
      const stored = bytes.get(key)
      return stored === undefined ? undefined : decodeStored(stored, codec)
    },
    *range(from, to, options): Generator<readonly [ByteString, StoredValue<V>]> {
      for (const [key, stored] of bytes.range(from, to, options)) yield [key, decodeStored(stored, codec)]
    },
  }
}
