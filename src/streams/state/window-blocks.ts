import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import { assert } from '../../internal/assert.ts'

/*
 * Rows of neighbouring overlapping windows of one key, kept as one row of the store: a block.
 *
 * A record is in sizeMs / advanceMs windows. In blocks of n windows they are all in one or two rows if n is that number,
 * instead of in as many rows. A block begins every n * advanceMs from the epoch on; its key in the store is that of its
 * first window. Layout of its value, all numbers big-endian:
 *
 *   | offset | bytes | what                                             |
 *   |--------|-------|--------------------------------------------------|
 *   | 0      | 1     | version of this layout: 1                        |
 *   | 1      | 1     | n: how many windows a block of this store covers |
 *   | 2      | 1     | the first window that is here                    |
 *   | 3      | 1     | number of entries from there on                  |
 *   | 4      | 8     | advanceMs, IEEE 754                              |
 *   | 12     | 12·e  | entries                                          |
 *   | …      | …     | the values, one behind the other                 |
 *
 *   | entry  | bytes | what                                                   |
 *   |--------|-------|--------------------------------------------------------|
 *   | 0      | 8     | timestamp of the window's row, IEEE 754; -1: no row    |
 *   | 8      | 4     | where its value ends, from the beginning of the values |
 */
const VERSION = 1
const WINDOWS_AT = 1
const FIRST_AT = 2
const COUNT_AT = 3
const ADVANCE_AT = 4
const ENTRIES_AT = ADVANCE_AT + 8
const END_IN_ENTRY = 8
const ENTRY_BYTES = END_IN_ENTRY + 4

const ABSENT = -1
const NOT_DECODED = Symbol('not decoded')

const MAX_WINDOWS = 255
const NO_VALUES: readonly unknown[] = Array.from({ length: MAX_WINDOWS }, () => undefined)
/** Made of fractions first: V8 then keeps it, and every slice of it, as plain doubles. */
const NO_TIMESTAMPS: readonly number[] = Array.from({ length: MAX_WINDOWS }, () => 0.5).fill(ABSENT)

export interface WindowLayout {
  readonly advanceMs: number
  /** How many windows a block covers; at most 255. */
  readonly perBlock: number
}

interface Stored<V> {
  readonly bytes: Buffer
  readonly codec: Codec<V>
}

/**
 * The rows of the windows of one block by their place in it. Immutable once it is in a store: `copy` first. A value
 * is decoded when it is first asked for, and one that nobody asked for is written back as it came.
 */
export class WindowBlock<V = unknown> {
  readonly #timestamps: number[]
  readonly #values: unknown[]
  readonly #stored: Stored<V> | undefined

  private constructor(timestamps: number[], values: unknown[], stored?: Stored<V>) {
    this.#timestamps = timestamps
    this.#values = values
    this.#stored = stored
  }

  static empty<V>(windows: number): WindowBlock<V> {
    return new WindowBlock(NO_TIMESTAMPS.slice(0, windows), NO_VALUES.slice(0, windows))
  }

  static read<V>(bytes: Buffer, layout: WindowLayout, codec: Codec<V>): WindowBlock<V> {
    const { perBlock } = layout
    assertLayout(bytes, layout)
    const timestamps = NO_TIMESTAMPS.slice(0, perBlock)
    const values = NO_VALUES.slice(0, perBlock)
    const first = bytes.readUInt8(FIRST_AT)
    const count = bytes.readUInt8(COUNT_AT)
    for (let i = 0, at = ENTRIES_AT; i < count; i++, at += ENTRY_BYTES) {
      const timestamp = bytes.readDoubleBE(at)
      if (timestamp === ABSENT) continue
      timestamps[first + i] = timestamp
      values[first + i] = NOT_DECODED
    }
    return new WindowBlock(timestamps, values, { bytes: Buffer.from(bytes), codec })
  }

  copy(): WindowBlock<V> {
    return new WindowBlock(this.#timestamps.slice(), this.#values.slice(), this.#stored)
  }

  get windows(): number {
    return this.#timestamps.length
  }

  get isEmpty(): boolean {
    return this.#timestamps.every(timestamp => timestamp === ABSENT)
  }

  /** Undefined: there is no row. */
  value(place: number): V | undefined {
    const value = this.#values[place]
    if (value !== NOT_DECODED) return value as V | undefined
    const { codec } = this.#stored as Stored<V>
    const decoded = codec.decode(this.#storedBytes(place))
    this.#values[place] = decoded
    return decoded
  }

  /** -1: there is no row. */
  timestamp(place: number): number {
    return this.#timestamps[place] as number
  }

  set(place: number, value: V, timestamp: number): void {
    this.#values[place] = value
    this.#timestamps[place] = timestamp
  }

  remove(place: number): void {
    this.#values[place] = undefined
    this.#timestamps[place] = ABSENT
  }

  write({ perBlock, advanceMs }: WindowLayout, codec: Codec<V>): Buffer {
    const timestamps = this.#timestamps
    let first = 0
    while (first < perBlock && timestamps[first] === ABSENT) first++
    let end = perBlock
    while (end > first && timestamps[end - 1] === ABSENT) end--
    const encoded: (Buffer | undefined)[] = []
    let valueBytes = 0
    for (let place = first; place < end; place++) {
      const bytes = timestamps[place] === ABSENT ? undefined : this.#bytesOf(place, codec)
      encoded.push(bytes)
      valueBytes += bytes === undefined ? 0 : bytes.length
    }
    const valuesAt = ENTRIES_AT + encoded.length * ENTRY_BYTES
    const block = Buffer.allocUnsafe(valuesAt + valueBytes)
    block[0] = VERSION
    block[WINDOWS_AT] = perBlock
    block[FIRST_AT] = first
    block[COUNT_AT] = encoded.length
    block.writeDoubleBE(advanceMs, ADVANCE_AT)
    let valueEnd = 0
    for (let i = 0; i < encoded.length; i++) {
      const bytes = encoded[i]
      if (bytes !== undefined) {
        block.set(bytes, valuesAt + valueEnd)
        valueEnd += bytes.length
      }
      block.writeDoubleBE(timestamps[first + i] as number, ENTRIES_AT + i * ENTRY_BYTES)
      block.writeUInt32BE(valueEnd, ENTRIES_AT + i * ENTRY_BYTES + END_IN_ENTRY)
    }
    return block
  }

  #bytesOf(place: number, codec: Codec<V>): Buffer {
    const value = this.#values[place]
    return value === NOT_DECODED ? this.#storedBytes(place) : codec.encode(value as V)
  }

  #storedBytes(place: number): Buffer {
    const { bytes } = this.#stored as Stored<V>
    const count = bytes.readUInt8(COUNT_AT)
    const valuesAt = ENTRIES_AT + count * ENTRY_BYTES
    const endAt = ENTRIES_AT + (place - bytes.readUInt8(FIRST_AT)) * ENTRY_BYTES + END_IN_ENTRY
    const start = endAt < ENTRIES_AT + ENTRY_BYTES ? 0 : bytes.readUInt32BE(endAt - ENTRY_BYTES)
    return bytes.subarray(valuesAt + start, valuesAt + bytes.readUInt32BE(endAt))
  }
}

/** Of the blocks of a store. What reads and writes single windows finds their layout and their own codec here. */
export class WindowBlockCodec<V> implements Codec<WindowBlock<V>> {
  readonly name: string
  readonly layout: WindowLayout
  readonly row: Codec<V>

  constructor(layout: WindowLayout, row: Codec<V>) {
    assert(layout.perBlock <= MAX_WINDOWS, `a block of ${layout.perBlock} windows`)
    this.name = `windows-${layout.perBlock}x${layout.advanceMs}ms-${row.name}`
    this.layout = layout
    this.row = row
  }

  encode(block: WindowBlock<V>): Buffer {
    return block.write(this.layout, this.row)
  }

  decode(bytes: Buffer): WindowBlock<V> {
    return WindowBlock.read(bytes, this.layout, this.row)
  }
}

/** Windows that were kept by another rule lie elsewhere: their rows would be taken for those of other windows. */
function assertLayout(bytes: Buffer, { perBlock, advanceMs }: WindowLayout): void {
  const isKnown = bytes.length >= ENTRIES_AT && bytes[0] === VERSION
  if (isKnown && bytes[WINDOWS_AT] === perBlock && bytes.readDoubleBE(ADVANCE_AT) === advanceMs) return
  throw new EvertError(
    'MALFORMED_BYTES',
    isKnown
      ? `A store of hopping windows was kept with ${bytes[WINDOWS_AT]} windows to a row, one every ` +
          `${bytes.readDoubleBE(ADVANCE_AT)} ms; the topology now has ${perBlock}, one every ${advanceMs} ms. Keep the ` +
          'windows of a store as they were, or give the store another name to begin anew.'
      : `A row of ${bytes.length} bytes in a store of hopping windows is no block of them.`,
  )
}
