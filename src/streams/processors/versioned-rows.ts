import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import type { ByteString } from '../state/byte-store.ts'
import { keyPart, readTimePart, TIME_LENGTH, timePart } from '../state/key-parts.ts'
import type { KeyValueStore, StoredValue } from '../state/store.ts'

/*
 * Algorithm: the latest version of a key is its row in a plain store, read and queried as any table's. What it
 * replaces moves to a history, where the version of a past time is the last one that began by then. Versions that are
 * out of order go to their place in the history.
 *
 * State: the store of latest rows; and the history, which has three kinds of entries: stream time (in the timestamp of
 * entry 0), marks of which keys have something to forget (1, time slice, key), and versions (2, key's length, key,
 * begin). A deletion is a version too, so that an older row that comes after it stays behind it.
 *
 * Correctness: a version ends where the next one begins. Whenever one comes to have an end, its key is marked in
 * that end's time slice; when the slice is older than the retention, every version of the key that ended before it
 * can no longer be asked for and is removed. Removal goes by writes and stream time alone, so a replay leaves the same
 * entries. (Kafka Streams: VersionedKeyValueStore, KIP-889.)
 */

/** A version's value; null: the row was deleted. */
export interface Version {
  readonly value: unknown
}

export type VersionOutcome = 'latest' | 'superseded' | 'expired'

const STREAM_TIME = '\0'
const MARK = '\x01'
const VERSION = '\x02'
const DELETED: Version = { value: null }
const FORGET_AT_MOST = 64

export class VersionedRows {
  readonly #latest: KeyValueStore<unknown>
  readonly #history: KeyValueStore<Version>
  readonly #retentionMs: number
  readonly #sliceMs: number

  constructor(latest: KeyValueStore<unknown>, history: KeyValueStore<Version>, retentionMs: number) {
    this.#latest = latest
    this.#history = history
    this.#retentionMs = retentionMs
    this.#sliceMs = Math.floor(retentionMs / 4) + 1
  }

  /** The row as of a time: undefined when there was none, or when the time is behind the retention. */
  get(key: ByteString, asOf: number): StoredValue<unknown> | undefined {
    const latest = this.#latest.get(key)
    if (latest !== undefined && latest.timestamp <= asOf) return latest
    if (asOf < this.#streamTime() - this.#retentionMs) return undefined
    const prefix = VERSION + keyPart(key)
    const before = this.#history.range(prefix, prefix + timePart(asOf + 1), { reverse: true })
    for (const [, { value, timestamp }] of before) {
      return value.value === null ? undefined : { value: value.value, timestamp }
    }
    return undefined
  }

  /** Puts a version in its place: behind the latest one it is superseded, behind the retention it is refused. */
  put(key: ByteString, value: unknown, timestamp: number): VersionOutcome {
    const streamTime = this.#streamTime()
    if (timestamp < streamTime - this.#retentionMs) return 'expired'
    if (timestamp > streamTime) this.#history.put(STREAM_TIME, DELETED, timestamp)
    const latest = this.#latest.get(key)
    const prefix = VERSION + keyPart(key)
    const next = this.#next(prefix, latest, timestamp)
    if (next === undefined) this.#replaceLatest(key, latest, { value, timestamp })
    else {
      this.#history.put(prefix + timePart(timestamp), { value }, timestamp)
      this.#mark(key, next, timestamp)
    }
    this.#forget(Math.max(streamTime, timestamp))
    return next === undefined ? 'latest' : 'superseded'
  }

  /** When the version that begins at the timestamp ends; undefined when it is the latest. */
  validTo(key: ByteString, timestamp: number): number | undefined {
    return this.#next(VERSION + keyPart(key), this.#latest.get(key), timestamp)
  }

  /** All versions that can still be asked for, in order of time. */
  versions(key: ByteString): (StoredValue<unknown> & { readonly validToMs: number | undefined })[] {
    const prefix = VERSION + keyPart(key)
    const latest = this.#latest.get(key)
    const begun = Array.from(this.#history.range(prefix, endOf(prefix)), ([, { value, timestamp }]) => ({
      value: value.value,
      timestamp,
    }))
    if (latest !== undefined) begun.push(latest)
    const bound = this.#streamTime() - this.#retentionMs
    return begun
      .map((version, i) => ({ ...version, validToMs: begun[i + 1]?.timestamp }))
      .filter(({ value, validToMs }) => value !== null && (validToMs === undefined || validToMs > bound))
  }

  #streamTime(): number {
    return this.#history.get(STREAM_TIME)?.timestamp ?? -1
  }

  /** When the version that follows the time begins; undefined when none does. */
  #next(prefix: ByteString, latest: StoredValue<unknown> | undefined, timestamp: number): number | undefined {
    if (latest !== undefined && latest.timestamp <= timestamp) return undefined
    const from = prefix + timePart(timestamp + 1)
    for (const [place] of this.#history.range(from, endOf(prefix))) return beginOf(place)
    return latest?.timestamp
  }

  #replaceLatest(
    key: ByteString,
    latest: StoredValue<unknown> | undefined,
    { value, timestamp }: StoredValue<unknown>,
  ): void {
    const prefix = VERSION + keyPart(key)
    if (latest === undefined) {
      // A deletion at this very time is overwritten, an earlier one ends here.
      const place = prefix + timePart(timestamp)
      if (value !== null && this.#history.get(place) !== undefined) this.#history.put(place, null, timestamp)
      if (value !== null && this.#hasVersions(prefix)) this.#mark(key, timestamp, timestamp)
    } else if (latest.timestamp < timestamp) {
      this.#history.put(prefix + timePart(latest.timestamp), { value: latest.value }, latest.timestamp)
      this.#mark(key, timestamp, timestamp)
    }
    if (value === null) {
      this.#history.put(prefix + timePart(timestamp), DELETED, timestamp)
      this.#mark(key, timestamp, timestamp)
    }
    this.#latest.put(key, value, timestamp)
  }

  #hasVersions(prefix: ByteString): boolean {
    for (const _ of this.#history.range(prefix, endOf(prefix))) return true
    return false
  }

  #mark(key: ByteString, endMs: number, timestamp: number): void {
    const place = MARK + timePart(Math.floor(endMs / this.#sliceMs)) + key
    if (this.#history.get(place) === undefined) this.#history.put(place, DELETED, timestamp)
  }

  /** A few marked keys per put: faster than marks are made. */
  #forget(streamTime: number): void {
    const bound = streamTime - this.#retentionMs
    const firstLive = Math.floor(bound / this.#sliceMs)
    if (firstLive <= 0) return
    const done = this.#history.get(MARK)?.timestamp ?? 0
    if (firstLive <= done) return
    const marks: ByteString[] = []
    for (const [place] of this.#history.range(MARK + timePart(done), MARK + timePart(firstLive))) {
      if (marks.push(place) === FORGET_AT_MOST) break
    }
    for (const mark of marks) {
      this.#forgetVersions(mark.slice(MARK.length + TIME_LENGTH), bound)
      this.#history.put(mark, null, streamTime)
    }
    if (marks.length < FORGET_AT_MOST) this.#history.put(MARK, DELETED, firstLive)
  }

  #forgetVersions(key: ByteString, bound: number): void {
    const prefix = VERSION + keyPart(key)
    const versions = Array.from(this.#history.range(prefix, endOf(prefix)))
    const latest = this.#latest.get(key)?.timestamp
    for (const [index, [place, { value, timestamp }]] of versions.entries()) {
      const following = versions[index + 1]
      const end = following === undefined ? latest : beginOf(following[0])
      // With nothing before or after it, a deletion says no more than its absence.
      const over = end === undefined ? value.value === null && timestamp <= bound : end <= bound
      if (!over) return
      this.#history.put(place, null, timestamp)
    }
  }
}

/** The end of the range of all versions of a key: times have a first byte of 0. */
function endOf(prefix: ByteString): ByteString {
  return `${prefix}\x01`
}

function beginOf(place: ByteString): number {
  return readTimePart(place, place.length - TIME_LENGTH)
}

/** One byte (1: a value follows; 0: deleted, or an entry that is no version), then the value's bytes. */
export function versionCodec(value: Codec<unknown>): Codec<Version> {
  return {
    name: `version-${value.name}`,
    encode: version =>
      version.value === null ? Buffer.of(0) : Buffer.concat([Buffer.of(1), value.encode(version.value)]),
    decode(bytes) {
      if (bytes.length === 0) throw new EvertError('MALFORMED_BYTES', 'A version in a history is empty.')
      return bytes[0] === 0 ? DELETED : { value: value.decode(bytes.subarray(1)) }
    },
  }
}
