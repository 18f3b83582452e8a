import type { Codec } from '../../contracts/codec.ts'

interface GlobalParts<K, V> {
  readonly store: string
  readonly key: Codec<K>
  readonly value: Codec<V>
}

/** A table that every instance holds completely (Kafka Streams: GlobalKTable): streams join it by any key. */
export class GlobalKTable<K, V> {
  readonly #parts: GlobalParts<K, V>

  constructor(parts: GlobalParts<K, V>) {
    this.#parts = parts
  }

  /** For the operators that join it. */
  static partsOf<K, V>(table: GlobalKTable<K, V>): GlobalParts<K, V> {
    return table.#parts
  }
}
