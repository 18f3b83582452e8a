import { assert } from '../internal/assert.ts'

const INITIAL_BYTES = 512
/** Below this a copy is cheaper than one more entry in the socket's writev. */
const COPY_BELOW_BYTES = 4096

/** Writes the primitive types of the Kafka protocol; large byte fields are passed on as they are, not copied. */
export class Writer {
  #chunks: Buffer[] = []
  #chunksBytes = 0
  #buffer: Buffer = Buffer.allocUnsafe(INITIAL_BYTES)
  #start = 0
  #position = 0

  /** Bytes written so far. */
  get sizeBytes(): number {
    return this.#chunksBytes + this.#position - this.#start
  }

  bool(value: boolean): void {
    this.int8(value ? 1 : 0)
  }

  int8(value: number): void {
    this.#position = this.#reserve(1).writeInt8(value, this.#position)
  }

  int16(value: number): void {
    this.#position = this.#reserve(2).writeInt16BE(value, this.#position)
  }

  uint16(value: number): void {
    this.#position = this.#reserve(2).writeUInt16BE(value, this.#position)
  }

  int32(value: number): void {
    this.#position = this.#reserve(4).writeInt32BE(value, this.#position)
  }

  uint32(value: number): void {
    this.#position = this.#reserve(4).writeUInt32BE(value, this.#position)
  }

  int64(value: number): void {
    const buffer = this.#reserve(8)
    if (value === 2 ** 63) {
      buffer.writeBigInt64BE(0x7fff_ffff_ffff_ffffn, this.#position)
    } else {
      assert(Number.isSafeInteger(value), `int64 ${value} is not a safe integer`)
      buffer.writeInt32BE(Math.floor(value / 0x1_0000_0000), this.#position)
      buffer.writeUInt32BE(value >>> 0, this.#position + 4)
    }
    this.#position += 8
  }

  float64(value: number): void {
    this.#position = this.#reserve(8).writeDoubleBE(value, this.#position)
  }

  unsignedVarint(value: number): void {
    const buffer = this.#reserve(5)
    let rest = value
    while (rest > 0x7f) {
      buffer[this.#position++] = (rest & 0x7f) | 0x80
      rest = Math.floor(rest / 128)
    }
    buffer[this.#position++] = rest
  }

  uuid(value: string): void {
    const buffer = this.#reserve(16)
    const written = buffer.write(value, this.#position, 16, 'base64url')
    assert(written === 16, `"${value}" is not a topic id of 16 bytes in base64url`)
    this.#position += 16
  }

  /** The UTF-8 bytes of a string, without a length. */
  string(value: string, byteLength: number): void {
    const buffer = this.#reserve(byteLength)
    this.#position += buffer.write(value, this.#position, byteLength, 'utf8')
  }

  /** Bytes without a length. The buffer must not change until the message was sent. */
  bytes(value: Buffer): void {
    if (value.length < COPY_BELOW_BYTES) {
      const buffer = this.#reserve(value.length)
      value.copy(buffer, this.#position)
      this.#position += value.length
      return
    }
    this.#cut()
    this.#chunks.push(value)
    this.#chunksBytes += value.length
  }

  /** What was written, as the pieces that a socket can send in one writev. */
  finish(): Buffer[] {
    this.#cut()
    return this.#chunks
  }

  #cut(): void {
    if (this.#position === this.#start) return
    this.#chunks.push(this.#buffer.subarray(this.#start, this.#position))
    this.#chunksBytes += this.#position - this.#start
    this.#start = this.#position
  }

  #reserve(length: number): Buffer {
    if (this.#position + length > this.#buffer.length) {
      const used = this.#position - this.#start
      const next = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, used + length))
      this.#buffer.copy(next, 0, this.#start, this.#position)
      this.#buffer = next
      this.#start = 0
      this.#position = used
    }
    return this.#buffer
  }
}
