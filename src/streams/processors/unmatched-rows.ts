import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import type { ByteString } from '../state/byte-store.ts'
import { readTimePart, TIME_LENGTH, timePart } from '../state/key-parts.ts'
import type { KeyValueStore } from '../state/store.ts'
import type { JoinWindows } from './join-windows.ts'

/*
 * Algorithm: records of a left or outer join that have met no partner wait until their window has closed, and are then
 * taken out in order of time; one that meets a partner before is forgotten.
 *
 * State: the waiting records by time (8 bytes), side (right before left) and key: one entry holds all values of that
 * place. In the store of times, two bounds: no record is older than `first`, and none is looked for before stream time
 * has passed the window of one at `look`.
 *
 * Correctness: a window closes when stream time passes its end by the grace, and stream time only grows; so a record
 * is taken out at most once and never before its window closed. `look` follows Kafka Streams' own bound, which may
 * make a result come some records after its window has closed: results then interleave as they do there.
 */

export interface Unmatched {
  readonly isLeft: boolean
  readonly values: readonly unknown[]
}

export interface ClosedRows extends Unmatched {
  /** The key's bytes. */
  readonly key: ByteString
  readonly timestamp: number
}

const LEFT = '\x01'
const RIGHT = '\0'
const FIRST = 'unmatched/first'
const LOOK = 'unmatched/look'
const NEVER = Number.MAX_SAFE_INTEGER
const NONE: readonly ClosedRows[] = []

export class UnmatchedRows {
  readonly #rows: KeyValueStore<Unmatched>
  readonly #times: KeyValueStore<number>
  readonly #windows: JoinWindows
  /** Right records wait too. */
  readonly #bothSides: boolean

  constructor(
    { windows, bothSides }: { windows: JoinWindows; bothSides: boolean },
    rows: KeyValueStore<Unmatched>,
    times: KeyValueStore<number>,
  ) {
    this.#windows = windows
    this.#bothSides = bothSides
    this.#rows = rows
    this.#times = times
  }

  add(isLeft: boolean, key: ByteString, { value, timestamp }: { value: unknown; timestamp: number }): void {
    const place = placeOf(isLeft, key, timestamp)
    const others = this.#rows.get(place)?.value.values
    this.#rows.put(place, { isLeft, values: others === undefined ? [value] : [...others, value] }, timestamp)
    for (const bound of [FIRST, LOOK]) {
      if (timestamp < (this.#times.get(bound)?.value ?? NEVER)) this.#times.put(bound, timestamp, timestamp)
    }
  }

  /** The records of this place have met a partner. */
  forget(isLeft: boolean, key: ByteString, timestamp: number): void {
    if (timestamp < (this.#times.get(FIRST)?.value ?? NEVER)) return
    const place = placeOf(isLeft, key, timestamp)
    if (this.#rows.get(place) !== undefined) this.#rows.put(place, null, timestamp)
  }

  /** Takes out what has closed. `afterMs` is how far the window of the record that asks reaches. */
  takeClosed(streamTime: number, afterMs: number): readonly ClosedRows[] {
    const { graceMs } = this.#windows
    if ((this.#times.get(LOOK)?.value ?? NEVER) + afterMs + graceMs >= streamTime) return NONE
    const closed: ClosedRows[] = []
    const places: ByteString[] = []
    let first = NEVER
    let look = NEVER
    let leftOpen = false
    let rightOpen = !this.#bothSides
    for (const [place, { value }] of this.#rows.range(timePart(this.#times.get(FIRST)?.value ?? 0))) {
      const timestamp = readTimePart(place, 0)
      look = timestamp
      if (leftOpen && rightOpen) break
      const { isLeft, values } = value
      if (timestamp + this.#reachMs(isLeft) + graceMs >= streamTime) {
        if (first === NEVER) first = timestamp
        if (isLeft) leftOpen = true
        else rightOpen = true
        // Where Kafka Streams stops at the second of two records of one place.
        if (leftOpen && rightOpen && values.length > 1) break
        continue
      }
      closed.push({ key: place.slice(TIME_LENGTH + 1), timestamp, isLeft, values })
      places.push(place)
    }
    if (first !== NEVER && !this.#bothSides) look = this.#last()
    for (const place of places) this.#rows.put(place, null, streamTime)
    this.#times.put(FIRST, first, streamTime)
    this.#times.put(LOOK, look, streamTime)
    return closed
  }

  /** The stream time by which the first of the waiting records has closed; Infinity when none waits. */
  closesAt(): number {
    const { beforeMs, afterMs, graceMs } = this.#windows
    const leastMs = Math.min(beforeMs, afterMs) + graceMs + 1
    let closesAt = Infinity
    for (const [place, { value }] of this.#rows.range(timePart(this.#times.get(FIRST)?.value ?? 0))) {
      const timestamp = readTimePart(place, 0)
      if (timestamp + leastMs >= closesAt) break
      closesAt = Math.min(closesAt, timestamp + this.#reachMs(value.isLeft) + graceMs + 1)
    }
    return closesAt
  }

  /** Takes out everything that has closed: the bounds that are left are below it. */
  takeAllClosed(streamTime: number): readonly ClosedRows[] {
    const { beforeMs, afterMs, graceMs } = this.#windows
    const leastMs = Math.min(beforeMs, afterMs) + graceMs
    const closed: (ClosedRows & { readonly place: ByteString })[] = []
    for (const [place, { value }] of this.#rows.range(timePart(this.#times.get(FIRST)?.value ?? 0))) {
      const timestamp = readTimePart(place, 0)
      if (timestamp + leastMs >= streamTime) break
      if (timestamp + this.#reachMs(value.isLeft) + graceMs >= streamTime) continue
      closed.push({ key: place.slice(TIME_LENGTH + 1), timestamp, ...value, place })
    }
    for (const { place } of closed) this.#rows.put(place, null, streamTime)
    return closed
  }

  #reachMs(isLeft: boolean): number {
    return isLeft ? this.#windows.afterMs : this.#windows.beforeMs
  }

  #last(): number {
    for (const [place] of this.#rows.range(undefined, undefined, { reverse: true }))
      return readTimePart(place, 0)
    return NEVER
  }
}

function placeOf(isLeft: boolean, key: ByteString, timestamp: number): ByteString {
  return timePart(timestamp) + (isLeft ? LEFT : RIGHT) + key
}

/**
 * The values of one place.
 *
 *   | bytes | what                                 |
 *   |-------|--------------------------------------|
 *   | 1     | 1: of the left stream, 0: the right  |
 *   | 4, …  | per value its length and its bytes   |
 */
export function unmatchedCodec(left: Codec<unknown>, right: Codec<unknown>): Codec<Unmatched> {
  return {
    name: `unmatched-${left.name}-${right.name}`,
    encode({ isLeft, values }) {
      const codec = isLeft ? left : right
      const parts: Buffer[] = [Buffer.of(isLeft ? 1 : 0)]
      for (const value of values) {
        const bytes = codec.encode(value)
        const length = Buffer.allocUnsafe(4)
        length.writeUInt32BE(bytes.length)
        parts.push(length, bytes)
      }
      return Buffer.concat(parts)
    },
    decode(bytes) {
      const isLeft = bytes[0] === 1
      const codec = isLeft ? left : right
      const values: unknown[] = []
      let at = 1
      while (at < bytes.length) {
        const end = at + 4 <= bytes.length ? at + 4 + bytes.readUInt32BE(at) : Infinity
        if (end > bytes.length) {
          throw new EvertError('MALFORMED_BYTES', 'Waiting records of a join end within a value.')
        }
        values.push(codec.decode(bytes.subarray(at + 4, end)))
        at = end
      }
      return { isLeft, values }
    },
  }
}
