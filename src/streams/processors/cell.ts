import type { Codec } from '../../contracts/codec.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { ByteString } from '../state/byte-store.ts'

const NOT_DECODED = Symbol('not decoded')

/**
 * A key or value that is not null, as bytes, as a decoded value, or both: each form is made at most once and only when
 * somebody asks. A record that is only moved is therefore never decoded, and its bytes are written as they came.
 */
export class Cell {
  readonly codec: Codec<unknown>
  #bytes: Buffer | undefined
  #value: unknown
  #byteString: ByteString | undefined

  private constructor(
    codec: Codec<unknown>,
    bytes: Buffer | undefined,
    value: unknown,
    byteString?: ByteString,
  ) {
    this.codec = codec
    this.#bytes = bytes
    this.#value = value
    this.#byteString = byteString
  }

  static ofBytes(bytes: Buffer, codec: Codec<unknown>): Cell {
    return new Cell(codec, bytes, NOT_DECODED)
  }

  /** Of a key that was put together as a store key. */
  static ofByteString(byteString: ByteString, codec: Codec<unknown>): Cell {
    return new Cell(codec, undefined, NOT_DECODED, byteString)
  }

  /** `value` must be neither null nor undefined: such a key or value is the absence of a cell. */
  static ofValue(value: unknown, codec: Codec<unknown>): Cell {
    return new Cell(codec, undefined, value)
  }

  /** The decoded value. Throws what the codec throws. */
  get value(): unknown {
    if (this.#value === NOT_DECODED) this.#value = this.codec.decode(this.bytes)
    return this.#value
  }

  get bytes(): Buffer {
    return (this.#bytes ??=
      this.#value === NOT_DECODED
        ? Buffer.from(this.#byteString as ByteString, 'latin1')
        : this.codec.encode(this.#value))
  }

  /** The bytes in another format; the original bytes when it is the same codec object. */
  bytesAs(codec: Codec<unknown>): Buffer {
    return codec === this.codec ? this.bytes : codec.encode(this.value)
  }

  /** The bytes as a store key. */
  get byteString(): ByteString {
    return (this.#byteString ??= latin1Slice(this.bytes))
  }
}

/** A user function's result as a cell: null and undefined are the null value. */
export function cellOf(value: unknown, codec: Codec<unknown>): Cell | null {
  return value === null || value === undefined ? null : Cell.ofValue(value, codec)
}
