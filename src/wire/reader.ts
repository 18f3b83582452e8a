import { isUtf8 } from 'node:buffer'
import { EvertError } from '../errors.ts'

/**
 * Reads the primitive types of the Kafka protocol from one buffer. Slices returned by `bytes` and `records` share
 * the buffer's memory: copy what is kept. Every read is bounds-checked and throws MALFORMED_BYTES.
 */
export class Reader {
  readonly #buffer: Buffer
  #position: number

  constructor(buffer: Buffer, position = 0) {
    this.#buffer = buffer
    this.#position = position
  }

  get position(): number {
    return this.#position
  }

  get remaining(): number {
    return this.#buffer.length - this.#position
  }

  bool(): boolean {
    return this.int8() !== 0
  }

  int8(): number {
    return this.#buffer.readInt8(this.#take(1))
  }

  int16(): number {
    return this.#buffer.readInt16BE(this.#take(2))
  }

  uint16(): number {
    return this.#buffer.readUInt16BE(this.#take(2))
  }

  int32(): number {
    return this.#buffer.readInt32BE(this.#take(4))
  }

  uint32(): number {
    return this.#buffer.readUInt32BE(this.#take(4))
  }

  /** Exact up to 2^53; the protocol's only larger value is the sentinel 2^63-1, which comes out as 2^63. */
  int64(): number {
    const at = this.#take(8)
    const high = this.#buffer.readInt32BE(at)
    const value = high * 0x1_0000_0000 + this.#buffer.readUInt32BE(at + 4)
    if (!Number.isSafeInteger(value) && value !== 2 ** 63) {
      throw malformed(`int64 ${value} at byte ${at} is beyond 2^53`)
    }
    return value
  }

  float64(): number {
    return this.#buffer.readDoubleBE(this.#take(8))
  }

  unsignedVarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#buffer[this.#take(1)] as number
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) {
        if (value > 0xffff_ffff) break
        return value
      }
    }
    throw malformed(`varint longer than 32 bits before byte ${this.#position}`)
  }

  uuid(): string {
    const at = this.#take(16)
    return this.#buffer.toString('base64url', at, at + 16)
  }

  string(length: number): string {
    const at = this.#take(length)
    const text = this.#buffer.toString('utf8', at, at + length)
    // Bytes that are not UTF-8 decode to replacement characters, which take more bytes when they are sent again.
    if (text.includes('\uFFFD') && !isUtf8(this.#buffer.subarray(at, at + length))) {
      throw malformed(`the ${length} bytes at byte ${at} are not UTF-8`)
    }
    return text
  }

  bytes(length: number): Buffer {
    const at = this.#take(length)
    return this.#buffer.subarray(at, at + length)
  }

  skip(length: number): void {
    this.#take(length)
  }

  #take(length: number): number {
    const at = this.#position
    if (length < 0 || at + length > this.#buffer.length) {
      throw malformed(`${length} bytes wanted at byte ${at}, ${this.#buffer.length - at} left`)
    }
    this.#position = at + length
    return at
  }
}

export function malformed(detail: string): EvertError {
  return new EvertError('MALFORMED_BYTES', `The message is malformed: ${detail}.`)
}
