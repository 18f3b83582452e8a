import { EvertError } from '../../errors.ts'

const LENGTH_BYTES = 4

/**
 * Cuts a byte stream into frames (int32 length, then that many bytes). A frame inside one chunk is a slice of it; a
 * larger one is gathered in a buffer of its exact size, so no byte is copied more than once.
 */
export class FrameReader {
  readonly #maxBytes: number
  readonly #onFrame: (frame: Buffer) => void
  readonly #length = Buffer.alloc(LENGTH_BYTES)
  #lengthFilled = 0
  #frame: Buffer | undefined
  #frameFilled = 0

  constructor(maxBytes: number, onFrame: (frame: Buffer) => void) {
    this.#maxBytes = maxBytes
    this.#onFrame = onFrame
  }

  /** Throws MALFORMED_BYTES for a length below zero or above the limit. */
  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#frame !== undefined) {
        at += this.#fill(chunk, at)
      } else if (this.#lengthFilled === 0 && chunk.length - at >= LENGTH_BYTES) {
        const size = this.#checked(chunk.readInt32BE(at))
        at += LENGTH_BYTES
        if (chunk.length - at >= size) {
          this.#onFrame(chunk.subarray(at, at + size))
          at += size
        } else {
          this.#begin(size)
        }
      } else {
        this.#length[this.#lengthFilled++] = chunk[at++] as number
        if (this.#lengthFilled === LENGTH_BYTES) this.#begin(this.#checked(this.#length.readInt32BE(0)))
      }
    }
  }

  #begin(size: number): void {
    this.#lengthFilled = 0
    this.#frame = Buffer.allocUnsafeSlow(size)
    this.#frameFilled = 0
    if (size === 0) this.#finish(this.#frame)
  }

  #fill(chunk: Buffer, at: number): number {
    const frame = this.#frame as Buffer
    const copied = chunk.copy(frame, this.#frameFilled, at)
    this.#frameFilled += copied
    if (this.#frameFilled === frame.length) this.#finish(frame)
    return copied
  }

  #finish(frame: Buffer): void {
    this.#frame = undefined
    this.#onFrame(frame)
  }

  #checked(size: number): number {
    if (size >= 0 && size <= this.#maxBytes) return size
    throw new EvertError(
      'MALFORMED_BYTES',
      `A frame of ${size} bytes was announced; at most ${this.#maxBytes} are accepted. Is this a Kafka listener?`,
    )
  }
}
