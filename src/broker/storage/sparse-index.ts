import { readInt64, writeInt64 } from '../../records/batch-layout.ts'

/*
 * The payload of an index file, big endian:
 *
 *   at  size  field
 *    0     8  end offset         of the segment when this was written
 *    8     8  size               of the segment file when this was written
 *   16     8  greatest timestamp in the segment, -1 when it is empty
 *   24     8  position of the batch that has it
 *   32     4  entry count n
 *   36   20n  entries: offset above the base (4), position (8), greatest timestamp of all batches before it (8)
 */
const END_OFFSET = 0
const SIZE = END_OFFSET + 8
const MAX_TIMESTAMP = SIZE + 8
const MAX_TIMESTAMP_POSITION = MAX_TIMESTAMP + 8
const COUNT = MAX_TIMESTAMP_POSITION + 8
const ENTRIES = COUNT + 4
const ENTRY_BYTES = 20

/** One entry for about this many bytes of batches; what a lookup walks over at most, apart from one large batch. */
export const INDEX_INTERVAL_BYTES = 16 * 1024

/** A batch boundary in a segment. */
export interface IndexEntry {
  readonly offset: number
  readonly position: number
}

/**
 * Where batches begin in one segment, by offset, by position and by timestamp. Three sorted columns: the third is the
 * greatest timestamp of all batches *before* the entry, so the first batch at or after a timestamp is never before
 * the last entry whose value lies below it.
 */
export class SparseIndex {
  readonly baseOffset: number
  maxTimestamp = -1
  maxTimestampPosition = 0
  readonly #offsets: number[] = []
  readonly #positions: number[] = []
  readonly #timestamps: number[] = []

  constructor(baseOffset: number) {
    this.baseOffset = baseOffset
  }

  /** To be told of every batch, in order. */
  add(offset: number, position: number, maxTimestamp: number): void {
    const last = this.#positions.length - 1
    if (last < 0 || position - this.#positions[last]! >= INDEX_INTERVAL_BYTES) {
      this.#offsets.push(offset)
      this.#positions.push(position)
      this.#timestamps.push(this.maxTimestamp)
    }
    if (maxTimestamp > this.maxTimestamp) {
      this.maxTimestamp = maxTimestamp
      this.maxTimestampPosition = position
    }
  }

  /** The last known batch that begins at or before the offset. */
  atOffset(offset: number): IndexEntry {
    return this.#entry(lastNotAbove(this.#offsets, offset))
  }

  /** The last known batch that begins at or before the position. */
  atPosition(position: number): IndexEntry {
    return this.#entry(lastNotAbove(this.#positions, position))
  }

  /** A batch boundary before which every record is older than the timestamp. */
  beforeTimestamp(timestampMs: number): IndexEntry {
    return this.#entry(lastNotAbove(this.#timestamps, timestampMs - 1))
  }

  encode(endOffset: number, sizeBytes: number): Buffer {
    const count = this.#offsets.length
    const payload = Buffer.allocUnsafe(ENTRIES + count * ENTRY_BYTES)
    writeInt64(payload, endOffset, END_OFFSET)
    writeInt64(payload, sizeBytes, SIZE)
    writeInt64(payload, this.maxTimestamp, MAX_TIMESTAMP)
    writeInt64(payload, this.maxTimestampPosition, MAX_TIMESTAMP_POSITION)
    payload.writeUInt32BE(count, COUNT)
    for (let entry = 0, at = ENTRIES; entry < count; entry++, at += ENTRY_BYTES) {
      payload.writeUInt32BE(this.#offsets[entry]! - this.baseOffset, at)
      writeInt64(payload, this.#positions[entry]!, at + 4)
      writeInt64(payload, this.#timestamps[entry]!, at + 12)
    }
    return payload
  }

  /** Undefined when the payload does not speak of a segment of this end and size. */
  static decode(
    payload: Buffer,
    expected: { baseOffset: number; endOffset: number; sizeBytes: number },
  ): SparseIndex | undefined {
    if (payload.length < ENTRIES) return undefined
    const count = payload.readUInt32BE(COUNT)
    if (payload.length !== ENTRIES + count * ENTRY_BYTES) return undefined
    if (readInt64(payload, END_OFFSET) !== expected.endOffset) return undefined
    if (readInt64(payload, SIZE) !== expected.sizeBytes) return undefined
    const index = new SparseIndex(expected.baseOffset)
    index.maxTimestamp = readInt64(payload, MAX_TIMESTAMP)
    index.maxTimestampPosition = readInt64(payload, MAX_TIMESTAMP_POSITION)
    for (let entry = 0, at = ENTRIES; entry < count; entry++, at += ENTRY_BYTES) {
      index.#offsets.push(expected.baseOffset + payload.readUInt32BE(at))
      index.#positions.push(readInt64(payload, at + 4))
      index.#timestamps.push(readInt64(payload, at + 12))
    }
    return index
  }

  #entry(at: number): IndexEntry {
    return at < 0
      ? { offset: this.baseOffset, position: 0 }
      : { offset: this.#offsets[at]!, position: this.#positions[at]! }
  }
}

/** The last index whose value is at or below the limit, or -1. */
function lastNotAbove(sorted: readonly number[], limit: number): number {
  let low = -1
  let high = sorted.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (sorted[middle]! <= limit) low = middle
    else high = middle - 1
  }
  return low
}
