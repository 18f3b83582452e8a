import { malformed } from '../wire/reader.ts'

const LENGTH_BYTES = 4

/**
 * Cuts a byte stream into frames. Memory grows with the bytes that came, never with the length that a frame claims.
 * Throws MALFORMED_BYTES as soon as a length is negative or beyond the limit: a stream of something else, such as
 * TLS, ends there.
 */
export class FrameReader {
  readonly #maxFrameBytes: number
  #chunks: Buffer[] = []
  #sizeBytes = 0

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes
  }

  /** Bytes that came and were not handed out. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#sizeBytes += chunk.length
    this.#length()
  }

  /** The next whole frame without its length, or undefined. */
  next(): Buffer | undefined {
    const length = this.#length()
    if (length === undefined || this.#sizeBytes < LENGTH_BYTES + length) return undefined
    const bytes = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks)
    const end = LENGTH_BYTES + length
    this.#chunks = bytes.length === end ? [] : [bytes.subarray(end)]
    this.#sizeBytes = bytes.length - end
    return bytes.subarray(LENGTH_BYTES, end)
  }

  #length(): number | undefined {
    if (this.#sizeBytes < LENGTH_BYTES) return undefined
    if ((this.#chunks[0] as Buffer).length < LENGTH_BYTES) this.#chunks = [Buffer.concat(this.#chunks)]
    const length = (this.#chunks[0] as Buffer).readInt32BE(0)
    if (length < 0 || length > this.#maxFrameBytes) {
      throw malformed(`a frame of ${length} bytes, where 0 to ${this.#maxFrameBytes} are allowed`)
    }
    return length
  }
}
