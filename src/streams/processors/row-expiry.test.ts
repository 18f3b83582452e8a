import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../contracts/codecs.ts'
import type { ByteString } from '../state/byte-store.ts'
import { timePart } from '../state/key-parts.ts'
import type { KeyValueStore, StoredValue } from '../state/store.ts'
import { bufferedRow } from './buffered-row.ts'
import { OperatorClock } from './operator-clock.ts'
import { RowBuffer } from './row-buffer.ts'
import { RowExpiry } from './row-expiry.ts'

/** As a store is within one commit: what was deleted is still there to be walked over. Counts what is. */
class OpenCommit<V> implements KeyValueStore<V> {
  readonly name = 'rows'
  visited = 0
  readonly #rows = new Map<ByteString, StoredValue<V> | undefined>()

  get(key: ByteString): StoredValue<V> | undefined {
    return this.#rows.get(key)
  }

  put(key: ByteString, value: V | null, timestamp: number): void {
    this.#rows.set(key, value === null ? undefined : { value, timestamp })
  }

  *range(from: ByteString = '', to?: ByteString): Generator<readonly [ByteString, StoredValue<V>]> {
    for (const key of [...this.#rows.keys()].toSorted()) {
      if (key < from || (to !== undefined && key >= to)) continue
      this.visited++
      const row = this.#rows.get(key)
      if (row !== undefined) yield [key, row]
    }
  }

  get keys(): ByteString[] {
    return [...this.#rows].filter(([, row]) => row !== undefined).map(([key]) => key)
  }
}

const WINDOWS = 300

test('a row that expired is not walked over again, however many windows close within a commit', () => {
  const rows = new OpenCommit<number>()
  const times = new OpenCommit<number>()
  const clock = new OperatorClock(times, 0)
  const expiry = new RowExpiry(rows, { retentionMs: 10, everyMs: 10 }, () => {})
  for (let start = 0; start < WINDOWS * 10; start += 10) {
    clock.advance(start)
    rows.put(timePart(start), 1, start)
    expiry.expire(clock)
  }
  assert.equal(rows.keys.length, 1)
  assert.ok(rows.visited <= 2 * WINDOWS, `${rows.visited} visits`)
})

test('an operator whose retention became shorter removes what a longer one left', () => {
  const rows = new OpenCommit<number>()
  const times = new OpenCommit<number>()
  const run = (retentionMs: number, from: number, to: number) => {
    const clock = new OperatorClock(times, 0)
    const expiry = new RowExpiry(rows, { retentionMs, everyMs: 10 }, () => {})
    for (let start = from; start < to; start += 10) {
      clock.advance(start)
      rows.put(timePart(start), 1, start)
      expiry.expire(clock)
    }
  }
  run(100, 0, 1_000)
  assert.equal(rows.keys.length, 10)
  run(10, 1_000, 1_020)
  assert.deepEqual(rows.keys, [timePart(1_010)])
  run(100, 1_020, 2_000)
  assert.equal(rows.keys.length, 10)
})

test('a row that went out of a buffer is not walked over again; one that comes below it goes out in its turn', () => {
  const rows = new OpenCommit<{ value: unknown; headers: [] }>()
  const buffer = new RowBuffer({
    node: 'n',
    rows,
    counts: new OpenCommit<number>(),
    codec: bufferedRow(string),
    limits: { maxRecords: Infinity, maxBytes: Infinity, whenFull: 'stop' },
  })
  const out: number[] = []
  for (let time = 0; time < WINDOWS; time++) {
    buffer.put(timePart(time), { value: 'v', headers: [] }, time)
    buffer.evictBelow(timePart(time), (_, row) => out.push(row.timestamp))
    assert.equal(buffer.first(), timePart(time))
  }
  assert.deepEqual(out.splice(0), [...Array(WINDOWS - 1).keys()])
  assert.ok(rows.visited <= 4 * WINDOWS, `${rows.visited} visits`)
  rows.visited = 0
  for (const late of [7, 3]) buffer.put(timePart(late), { value: 'v', headers: [] }, late)
  buffer.evictBelow(timePart(WINDOWS), (_, row) => out.push(row.timestamp))
  assert.deepEqual(out, [3, 7, WINDOWS - 1])
  assert.ok(rows.visited <= 1, `${rows.visited} visits`)
})

test('a row below what went out, which is not to go yet, is found when its time has come', () => {
  const buffer = new RowBuffer({
    node: 'n',
    rows: new OpenCommit(),
    counts: new OpenCommit<number>(),
    codec: bufferedRow(string),
    limits: { maxRecords: Infinity, maxBytes: Infinity, whenFull: 'stop' },
  })
  const out: number[] = []
  const evictBelow = (time: number) => buffer.evictBelow(timePart(time), (_, row) => out.push(row.timestamp))
  buffer.put(timePart(50), { value: 'v', headers: [] }, 50)
  evictBelow(100)
  buffer.put(timePart(70), { value: 'v', headers: [] }, 70)
  evictBelow(60)
  assert.equal(buffer.first(), timePart(70))
  evictBelow(80)
  assert.deepEqual(out, [50, 70])
})
