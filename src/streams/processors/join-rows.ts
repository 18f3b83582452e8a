import type { KeyValueStore, StoredValue } from '../state/store.ts'
import type { ByteString } from '../state/byte-store.ts'
import { keyPart, readTimePart, TIME_LENGTH, timePart } from '../state/key-parts.ts'
import type { Cell } from './cell.ts'
import { joinRetentionMs, type JoinWindows } from './join-windows.ts'

/*
 * Algorithm: the records of one side of a join wait for partners. Time is cut into segments as long as a join's
 * window or longer, so that the records of one key in one window are one range in each of at most two segments, and
 * what is too old to be a partner is whole segments at the front of the store.
 *
 * State: the rows by segment (8 bytes), key (length, bytes), time (8) and number (8); the number keeps records of one
 * key and time apart, in their order. In the store of times: the side's latest time, under a key that says how long
 * the segments of the rows are, and the last number given.
 *
 * Correctness: a row older than the retention is hidden from then on though it may still be stored, so results do not
 * depend on when rows are removed. Segments follow from the windows: where those have changed, the latest
 * time is not found under its key, and before anything else is read the rows move to where they are looked for now. A
 * record that comes when it would be hidden at once is not stored, so nothing
 * is ever added to a segment that was removed. Removal goes by the count of rows and not by commits: a replay leaves
 * the same rows.
 */

/** Every so many rows, up to so many old ones are removed: faster than they come, but never many at a time. */
const REMOVE_EVERY = 64
const REMOVE_AT_MOST = 256

const NONE: readonly StoredValue<unknown>[] = []

export interface JoinRowsPlan {
  readonly store: string
  /** The store of times that the operators of a join share, and what this side's begin with there. */
  readonly times: string
  readonly side: 'left' | 'right'
  readonly windows: JoinWindows
}

export class JoinRows {
  readonly #rows: KeyValueStore<unknown>
  readonly #times: KeyValueStore<number>
  /** What the keys of latest times begin with; a number follows, so that they are all before a colon. */
  readonly #latestPart: string
  readonly #latestKey: string
  readonly #numberKey: string
  readonly #retentionMs: number
  readonly #segmentMs: number
  /** The first segment with live rows, when old ones were last looked for. */
  #firstLive = 0
  /** Where to go on removing; undefined when nothing is left to remove. */
  #removeFrom: ByteString | undefined
  /** There are no rows in segments of another length. */
  #isSettled = false

  constructor(
    { side, windows }: Pick<JoinRowsPlan, 'side' | 'windows'>,
    rows: KeyValueStore<unknown>,
    times: KeyValueStore<number>,
  ) {
    this.#rows = rows
    this.#times = times
    this.#numberKey = `${side}/number`
    this.#retentionMs = joinRetentionMs(windows)
    const windowMs = windows.beforeMs + windows.afterMs
    this.#segmentMs = Math.max(windowMs, Math.ceil(this.#retentionMs / 2)) + 1
    this.#latestPart = `${side}/latest/`
    this.#latestKey = `${this.#latestPart}${this.#segmentMs}`
  }

  /** The latest time of the side; -1 before its first record. */
  get latest(): number {
    return this.#times.get(this.#latestKey)?.value ?? this.#settle()
  }

  /** False for a record that is too old to be kept. */
  add(key: Cell, value: unknown, timestamp: number): boolean {
    const latest = this.#times.get(this.#latestKey)?.value ?? this.#settle()
    if (timestamp > latest) this.#times.put(this.#latestKey, timestamp, timestamp)
    else if (timestamp <= latest - this.#retentionMs) return false
    const number = (this.#times.get(this.#numberKey)?.value ?? 0) + 1
    this.#times.put(this.#numberKey, number, timestamp)
    const segment = Math.floor(timestamp / this.#segmentMs)
    const place = timePart(segment) + keyPart(key.byteString) + timePart(timestamp) + timePart(number)
    this.#rows.put(place, value, timestamp)
    if (number % REMOVE_EVERY === 0) this.#remove(Math.max(latest, timestamp))
    return true
  }

  /** The rows of the key from one time to another, both included, in order of time. */
  between(key: Cell, fromMs: number, toMs: number): readonly StoredValue<unknown>[] {
    const latest = this.#times.get(this.#latestKey)?.value ?? this.#settle()
    const from = Math.max(fromMs, latest - this.#retentionMs + 1, 0)
    const to = Math.min(toMs, latest)
    if (from > to) return NONE
    const part = keyPart(key.byteString)
    const lastSegment = Math.floor(to / this.#segmentMs)
    let found: StoredValue<unknown>[] | undefined
    for (let segment = Math.floor(from / this.#segmentMs); segment <= lastSegment; segment++) {
      const prefix = timePart(segment) + part
      for (const entry of this.#rows.range(prefix + timePart(from), prefix + timePart(to + 1))) {
        if (found === undefined) found = [entry[1]]
        else found.push(entry[1])
      }
    }
    return found ?? NONE
  }

  /** Moves rows from segments of another length. Returns the latest time, -1 when there is none. */
  #settle(): number {
    if (this.#isSettled) return -1
    const [found] = this.#times.range(this.#latestPart, `${this.#latestPart}:`)
    if (found === undefined) {
      this.#isSettled = true
      return -1
    }
    // Not noted as settled: a record that fails takes all of this back.
    const [otherKey, { value: latest }] = found
    for (const [place, { value, timestamp }] of Array.from(this.#rows.range())) {
      const time = readTimePart(place, place.length - 2 * TIME_LENGTH)
      const moved = timePart(Math.floor(time / this.#segmentMs)) + place.slice(TIME_LENGTH)
      if (moved === place) continue
      this.#rows.put(place, null, latest)
      this.#rows.put(moved, value, timestamp)
    }
    this.#times.put(otherKey, null, latest)
    this.#times.put(this.#latestKey, latest, latest)
    return latest
  }

  #remove(latest: number): void {
    const firstLive = Math.floor((latest - this.#retentionMs + 1) / this.#segmentMs)
    if (firstLive > this.#firstLive) {
      this.#firstLive = firstLive
      // From the very beginning: a record that failed may have taken removals back.
      this.#removeFrom = timePart(0)
    }
    if (this.#removeFrom === undefined) return
    const old: ByteString[] = []
    for (const [place] of this.#rows.range(this.#removeFrom, timePart(firstLive))) {
      if (old.push(place) === REMOVE_AT_MOST) break
    }
    for (const place of old) this.#rows.put(place, null, latest)
    this.#removeFrom = old.length < REMOVE_AT_MOST ? undefined : old.at(-1)
  }
}
