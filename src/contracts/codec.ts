/**
 * Turns values into bytes and back (Kafka Streams: serde). A codec never sees null: a null key or value is null on
 * the wire. `decode` gets a slice of a larger buffer: it must copy what it keeps as bytes. Both throw INVALID_VALUE.
 */
export interface Codec<T> {
  /** Names the format in errors, in store metadata and in the catalogue: `string`, `json`, `int64`. */
  readonly name: string
  /**
   * Whether the bytes, compared one by one, stand in the order of the values, as ranges over the keys of a store need:
   * `bytes`: all of them do; `nonNegative`: numbers from 0 on do, and those below 0 come after them. Undefined: no.
   */
  readonly order?: 'bytes' | 'nonNegative' | undefined
  encode(value: T): Buffer
  decode(bytes: Buffer): T
}

/** The type that a codec carries. */
export type ValueOf<C> = C extends Codec<infer T> ? T : never
