import { malformed } from './malformed.ts'
import { readVarint, readVarlong, varintEnd } from './varint.ts'

/** A header of a record. */
export interface RecordHeader {
  readonly key: string
  readonly value: Buffer | null
}

/**
 * The records of one batch, by index from 0 to count - 1. Everything was checked when the columns were made: no
 * access throws for an index in range. Slices share the memory of the batch (or of what it decompressed to): copy
 * what is kept.
 */
export interface RecordColumns {
  readonly count: number
  /** Rises with the index; with gaps after compaction. */
  offset(index: number): number
  /** ms. */
  timestamp(index: number): number
  key(index: number): Buffer | null
  value(index: number): Buffer | null
  /** The bytes of the key as a string of one character per byte: what stores use as key, without a slice between. */
  keyLatin1(index: number): string | null
  headers(index: number): RecordHeader[]
}

/** What the header of a batch says about its records. */
export interface ColumnsInput {
  /** The records, decompressed. */
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  readonly count: number
  readonly baseOffset: number
  readonly lastOffsetDelta: number
  readonly baseTimestamp: number
  /** Replaces the timestamp of every record (log append time). */
  readonly appendTimestamp: number | undefined
}

/*
 * One record:
 *
 *   length            varint   bytes that follow
 *   attributes        int8     unused
 *   timestamp delta   varlong  ms after the base timestamp, may be negative
 *   offset delta      varint
 *   key length        varint   -1: null
 *   key
 *   value length      varint   -1: null
 *   value
 *   header count      varint
 *   headers           each: key length varint, key (UTF-8), value length varint (-1: null), value
 */

/** The smallest record: every field one byte. Bounds what a count may make us allocate. */
const MIN_RECORD_BYTES = 7

/** Of each record, in one array so that a record's numbers share a cache line. */
const OFFSET_DELTA = 0
const KEY_START = 1
const KEY_LENGTH = 2
const VALUE_START = 3
const VALUE_LENGTH = 4
const HEADERS_START = 5
const STRIDE = 6

/** Finds every record; throws MALFORMED_BYTES. */
export function parseRecords(input: ColumnsInput): RecordColumns {
  const { bytes, start, end, count, baseTimestamp, lastOffsetDelta, appendTimestamp } = input
  if (count < 0 || count * MIN_RECORD_BYTES > end - start) {
    throw malformed(`${count} records in ${end - start} bytes`)
  }
  const places = new Int32Array(count * STRIDE)
  const timestamps = new Float64Array(count)
  let at = start
  let lastDelta = -1
  for (let index = 0, place = 0; index < count; index++, place += STRIDE) {
    const length = readVarint(bytes, at, end)
    at = varintEnd
    const limit = at + length
    if (length < MIN_RECORD_BYTES - 1 || limit > end)
      throw malformed(`record ${index} claims ${length} bytes`)
    at++
    const timestampDelta = readVarlong(bytes, at, limit)
    const offsetDelta = readVarint(bytes, varintEnd, limit)
    if (offsetDelta <= lastDelta || offsetDelta > lastOffsetDelta) {
      throw malformed(`record ${index} has offset delta ${offsetDelta} after ${lastDelta}`)
    }
    lastDelta = offsetDelta

    const keyLength = readVarint(bytes, varintEnd, limit)
    const keyStart = varintEnd
    const keyEnd = keyLength > 0 ? keyStart + keyLength : keyStart
    const valueLength = readVarint(bytes, keyEnd, limit)
    const valueStart = varintEnd
    const valueEnd = valueLength > 0 ? valueStart + valueLength : valueStart
    const headerCount = readVarint(bytes, valueEnd, limit)
    const headersStart = varintEnd
    if (keyLength < -1 || valueLength < -1) throw malformed(`record ${index} has a negative length`)
    at = headerCount === 0 ? headersStart : skipHeaders(bytes, headersStart, limit, headerCount)
    if (at !== limit) throw malformed(`record ${index} does not fill its ${length} bytes`)

    places[place + OFFSET_DELTA] = offsetDelta
    places[place + KEY_START] = keyStart
    places[place + KEY_LENGTH] = keyLength
    places[place + VALUE_START] = valueStart
    places[place + VALUE_LENGTH] = valueLength
    places[place + HEADERS_START] = headerCount === 0 ? 0 : valueEnd
    const timestamp = appendTimestamp ?? baseTimestamp + timestampDelta
    if (!Number.isSafeInteger(timestamp)) throw malformed(`record ${index} has timestamp ${timestamp}`)
    timestamps[index] = timestamp
  }
  if (at !== end) throw malformed(`${end - at} bytes after its last record`)
  return new ParsedColumns(bytes, count, input.baseOffset, places, timestamps)
}

function skipHeaders(bytes: Buffer, start: number, limit: number, count: number): number {
  if (count < 0 || count > limit - start) throw malformed(`a record claims ${count} headers`)
  let at = start
  for (let index = 0; index < count; index++) {
    const keyLength = readVarint(bytes, at, limit)
    if (keyLength < 0) throw malformed('the key of a header is null')
    const valueLength = readVarint(bytes, varintEnd + keyLength, limit)
    if (valueLength < -1) throw malformed('a header has a negative length')
    at = valueLength > 0 ? varintEnd + valueLength : varintEnd
  }
  return at
}

class ParsedColumns implements RecordColumns {
  readonly count: number
  readonly #bytes: Buffer
  readonly #baseOffset: number
  readonly #places: Int32Array
  readonly #timestamps: Float64Array

  constructor(
    bytes: Buffer,
    count: number,
    baseOffset: number,
    places: Int32Array,
    timestamps: Float64Array,
  ) {
    this.count = count
    this.#bytes = bytes
    this.#baseOffset = baseOffset
    this.#places = places
    this.#timestamps = timestamps
  }

  offset(index: number): number {
    return this.#baseOffset + (this.#places[index * STRIDE + OFFSET_DELTA] as number)
  }

  timestamp(index: number): number {
    return this.#timestamps[index] as number
  }

  key(index: number): Buffer | null {
    return this.#slice(index * STRIDE + KEY_START)
  }

  value(index: number): Buffer | null {
    return this.#slice(index * STRIDE + VALUE_START)
  }

  keyLatin1(index: number): string | null {
    const place = index * STRIDE
    const length = this.#places[place + KEY_LENGTH] as number
    if (length < 0) return null
    const start = this.#places[place + KEY_START] as number
    return this.#bytes.toString('latin1', start, start + length)
  }

  headers(index: number): RecordHeader[] {
    let at = this.#places[index * STRIDE + HEADERS_START] as number
    if (at === 0) return []
    const bytes = this.#bytes
    const limit = bytes.length
    const count = readVarint(bytes, at, limit)
    at = varintEnd
    const headers: RecordHeader[] = []
    for (let header = 0; header < count; header++) {
      const keyLength = readVarint(bytes, at, limit)
      const keyEnd = varintEnd + keyLength
      const key = bytes.toString('utf8', varintEnd, keyEnd)
      const valueLength = readVarint(bytes, keyEnd, limit)
      at = valueLength > 0 ? varintEnd + valueLength : varintEnd
      headers.push({ key, value: valueLength < 0 ? null : bytes.subarray(varintEnd, at) })
    }
    return headers
  }

  #slice(place: number): Buffer | null {
    const length = this.#places[place + 1] as number
    if (length < 0) return null
    const start = this.#places[place] as number
    return this.#bytes.subarray(start, start + length)
  }
}

export const NO_RECORDS: RecordColumns = new ParsedColumns(
  Buffer.alloc(0),
  0,
  0,
  new Int32Array(0),
  new Float64Array(0),
)
