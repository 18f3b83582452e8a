import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, string } from '../../contracts/codecs.ts'
import { isEvertError } from '../../errors.ts'
import type { ByteString, TaskState } from './byte-store.ts'
import { MemoryEngine } from './memory.ts'
import type { StoreObserver } from './store-observer.ts'
import { TaskStores } from './task-stores.ts'

const COUNTS = { name: 'counts', value: int64, changelog: { topic: 'log', partition: 3 } }

interface Logged {
  key: string
  value: number | null
  timestamp: number
}

function changelog() {
  const logged: Logged[] = []
  return {
    collect(
      topic: string,
      partition: number | undefined,
      timestamp: number,
      key: Buffer | null,
      value: Buffer | null,
    ) {
      assert.deepEqual([topic, partition], ['log', 3])
      logged.push({ key: String(key), value: value === null ? null : int64.decode(value), timestamp })
    },
    take: () => logged.splice(0).toSorted((a, b) => (a.key < b.key ? -1 : 1)),
  }
}

function commit(stores: TaskStores, log: ReturnType<typeof changelog>, metadata = {}): Logged[] {
  stores.writeChangelog(log)
  stores.commit(metadata)
  return log.take()
}

test('each changed key is logged once, with its last value and timestamp', () => {
  const stores = new TaskStores(new MemoryEngine().openTask('0_0'))
  const counts = stores.open(COUNTS)
  const log = changelog()
  counts.put('a', 1, 10)
  counts.put('b', 1, 11)
  counts.put('a', 2, 12)
  assert.deepEqual(counts.get('a'), { value: 2, timestamp: 12 })
  assert.equal(stores.dirtyCount, 2)
  assert.deepEqual(commit(stores, log), [
    { key: 'a', value: 2, timestamp: 12 },
    { key: 'b', value: 1, timestamp: 11 },
  ])
  assert.equal(stores.dirtyCount, 0)
  assert.deepEqual(commit(stores, log), [])
})

test('a delete is a tombstone, and a key that never was there is not logged', () => {
  const stores = new TaskStores(new MemoryEngine().openTask('0_0'))
  const counts = stores.open(COUNTS)
  const log = changelog()
  counts.put('kept', 1, 1)
  counts.put('passing', 1, 1)
  counts.put('passing', null, 2)
  counts.put('absent', null, 3)
  assert.deepEqual(commit(stores, log), [{ key: 'kept', value: 1, timestamp: 1 }])
  counts.put('kept', null, 4)
  counts.put('passing', null, 4)
  assert.equal(counts.get('kept'), undefined)
  assert.deepEqual(commit(stores, log), [{ key: 'kept', value: null, timestamp: 4 }])
  assert.deepEqual([...counts.range()], [])
})

test('an abort takes back everything since the last commit', () => {
  const stores = new TaskStores(new MemoryEngine().openTask('0_0'))
  const counts = stores.open(COUNTS)
  const log = changelog()
  counts.put('a', 1, 1)
  commit(stores, log, { at: '5' })
  counts.put('a', 2, 2)
  counts.put('b', 1, 2)
  stores.writeChangelog(log)
  stores.abort()
  assert.deepEqual(counts.get('a'), { value: 1, timestamp: 1 })
  assert.equal(counts.get('b'), undefined)
  assert.equal(stores.metadata('at'), '5')
  log.take()
  assert.deepEqual(commit(stores, log), [])
})

test('committed readers do not see what is not committed', () => {
  const stores = new TaskStores(new MemoryEngine().openTask('0_0'))
  const counts = stores.open(COUNTS)
  const committed = stores.committed<number>('counts')
  counts.put('a', 1, 1)
  assert.equal(committed.get('a'), undefined)
  commit(stores, changelog())
  counts.put('a', 2, 2)
  counts.put('b', 1, 2)
  assert.deepEqual([...committed.range()], [['a', { value: 1, timestamp: 1 }]])
})

test('ranges see changes among what is committed, either way', () => {
  const stores = new TaskStores(new MemoryEngine().openTask('0_0'))
  const counts = stores.open(COUNTS)
  for (const key of ['a', 'c', 'e']) counts.put(key, 1, 1)
  commit(stores, changelog())
  counts.put('b', 2, 2)
  counts.put('c', null, 2)
  counts.put('e', 3, 2)
  const seen = (from?: string, to?: string, reverse = false) =>
    [...counts.range(from, to, { reverse })].map(([key, { value }]) => `${key}${value}`)
  assert.deepEqual(seen(), ['a1', 'b2', 'e3'])
  assert.deepEqual(seen(undefined, undefined, true), ['e3', 'b2', 'a1'])
  assert.deepEqual(seen('b', 'e'), ['b2'])
  counts.put('d', 4, 3)
  counts.put('b', null, 3)
  assert.deepEqual(seen('b'), ['d4', 'e3'])
})

test('with a small cache, thousands of keys in one transaction are all there', () => {
  const engine = new MemoryEngine()
  const stores = new TaskStores(engine.openTask('0_0'), { cachedValues: 50 })
  const counts = stores.open(COUNTS)
  for (let round = 1; round <= 3; round++) {
    for (let i = 0; i < 5_000; i++) {
      const key = `k${i}`
      counts.put(key, (counts.get(key)?.value ?? 0) + 1, round)
    }
    for (let i = 0; i < 5_000; i += 7) assert.equal(counts.get(`k${i}`)?.value, round)
    assert.equal(commit(stores, changelog()).length, 5_000)
  }
  assert.equal([...counts.range()].length, 5_000)
})

test('negative and large timestamps come back from the engine', async () => {
  const engine = new MemoryEngine()
  const times = [-1, 0, 1, 2 ** 31, 2 ** 32, 1_700_000_000_000, Number.MAX_SAFE_INTEGER, -(2 ** 40)]
  const stores = new TaskStores(engine.openTask('0_0'))
  const counts = stores.open(COUNTS)
  for (const time of times) counts.put(`t${time}`, 1, time)
  commit(stores, changelog())
  await stores.close()
  const again = new TaskStores(engine.openTask('0_0')).open(COUNTS)
  for (const time of times) assert.equal(again.get(`t${time}`)?.timestamp, time)
})

test('restored records are as if they had been put; tombstones and later records win', () => {
  const stores = new TaskStores(new MemoryEngine().openTask('0_0'))
  const counts = stores.open(COUNTS)
  stores.restore(
    'counts',
    [
      { key: 'a', value: int64.encode(1), timestamp: 1 },
      { key: 'b', value: int64.encode(1), timestamp: 2 },
      { key: 'a', value: int64.encode(2), timestamp: 3 },
      { key: 'b', value: null, timestamp: 4 },
    ],
    { 'changelog/counts': 'id 4' },
  )
  assert.deepEqual([...counts.range()], [['a', { value: 2, timestamp: 3 }]])
  assert.equal(stores.metadata('changelog/counts'), 'id 4')
})

test('a key beyond the limit of the engine is refused when it is put, by name', () => {
  const short: TaskState = Object.assign(new MemoryEngine().openTask('0_0'), { maxKeyBytes: 10 })
  const counts = new TaskStores(short).open(COUNTS)
  counts.put('k'.repeat(10), 1, 1)
  assert.throws(
    () => counts.put('k'.repeat(11), 1, 1),
    error => isEvertError(error, 'INVALID_VALUE') && /"counts".*10 bytes.*kkk/.test(error.message),
  )
})

/** Keeps for each value the keys that have it. */
function byValue(version = '1'): StoreObserver<unknown> {
  let entries: [ByteString, Buffer | undefined][] = []
  return {
    version,
    stores: ['by-value'],
    changed(key, old, now) {
      if (old !== undefined) entries.push([`${String(old.value)}/${key}`, undefined])
      if (now !== undefined) entries.push([`${String(now.value)}/${key}`, Buffer.from('1')])
    },
    takeWrites() {
      const writes = [{ store: 'by-value', entries }]
      entries = []
      return writes
    },
    discard() {
      entries = []
    },
  }
}

const NAMES = { name: 'names', value: string, changelog: { topic: 'log', partition: 3 } }
const silent = { collect() {} }

test('an observer keeps its store in step with commits, aborts and restores', () => {
  const stores = new TaskStores(new MemoryEngine().openTask('0_0'))
  const names = stores.open(NAMES)
  stores.observe('names', byValue())
  const index = () => [...stores.bytes('by-value').range()].map(([key]) => key)
  names.put('1', 'x', 1)
  names.put('2', 'y', 1)
  assert.deepEqual(index(), [])
  stores.writeChangelog(silent)
  stores.commit({})
  assert.deepEqual(index(), ['x/1', 'y/2'])
  names.put('1', 'y', 2)
  stores.writeChangelog(silent)
  stores.abort()
  assert.deepEqual(index(), ['x/1', 'y/2'])
  names.put('1', 'y', 2)
  names.put('2', null, 2)
  stores.writeChangelog(silent)
  stores.commit({})
  assert.deepEqual(index(), ['y/1'])
  const restored = (key: string, value: string | null) => ({
    key,
    value: value === null ? null : string.encode(value),
    timestamp: 3,
  })
  stores.restore(
    'names',
    [restored('1', 'p'), restored('3', 'q'), restored('1', 'z'), restored('3', null)],
    {},
  )
  assert.deepEqual(index(), ['z/1'])
})

test('an observer of another version has its store rebuilt from what is committed', async () => {
  const engine = new MemoryEngine()
  const first = new TaskStores(engine.openTask('0_0'))
  const names = first.open(NAMES)
  for (let i = 0; i < 25_000; i++) names.put(`k${i}`, i % 2 === 0 ? 'even' : 'odd', i)
  first.writeChangelog(silent)
  first.commit({})
  await first.close()
  const second = new TaskStores(engine.openTask('0_0'))
  second.open(NAMES)
  second.observe('names', byValue('2'))
  assert.equal(second.bytes('by-value').size, 25_000)
  assert.equal([...second.bytes('by-value').range('odd/', 'odd0')].length, 12_500)
})

function flushedEvery(engine: MemoryEngine, intervalMs: number) {
  const time = { nowMs: 0 }
  const state = engine.openTask('0_0')
  const stores = new TaskStores(state, { flushIntervalMs: intervalMs, elapsedMs: () => time.nowMs })
  return { time, state, stores, counts: stores.open(COUNTS) }
}

const one = int64.encode(1)

test('a flush brings the engine what several commits changed, all of it up to the last one', async () => {
  const engine = new MemoryEngine()
  const { time, state, stores, counts } = flushedEvery(engine, 1000)
  const log = changelog()
  counts.put('a', 1, 1)
  counts.put('b', 1, 1)
  time.nowMs = 400
  assert.equal(commit(stores, log, { mark: '1' }).length, 2)
  counts.put('a', 2, 2)
  counts.put('b', null, 2)
  counts.put('c', 1, 2)
  time.nowMs = 800
  assert.equal(commit(stores, log, { mark: '2' }).length, 3)
  assert.deepEqual([state.store('counts').get('a'), state.metadata('mark')], [undefined, undefined])
  assert.equal(stores.metadata('mark'), '2')
  assert.deepEqual(
    Array.from(counts.range(), ([key, { value }]) => [key, value]),
    [
      ['a', 2],
      ['c', 1],
    ],
  )
  counts.put('c', 2, 3)
  time.nowMs = 1200
  assert.equal(commit(stores, log, { mark: '3' }).length, 1)
  assert.deepEqual(
    [...state.store('counts').range()].map(([key]) => key),
    ['a', 'c'],
  )
  assert.equal(state.metadata('mark'), '3')
  assert.equal(stores.unflushedBytes, 0)
})

test('what is decided and not flushed outlives an abort, also where the transaction changed it again', async () => {
  const engine = new MemoryEngine()
  const { stores, counts } = flushedEvery(engine, 1000)
  const log = changelog()
  counts.put('a', 1, 1)
  counts.put('b', 1, 1)
  commit(stores, log, { mark: '1' })
  counts.put('a', 2, 2)
  counts.put('b', null, 2)
  counts.put('c', 1, 2)
  stores.writeChangelog(log)
  stores.abort()
  assert.deepEqual(counts.get('a'), { value: 1, timestamp: 1 })
  assert.deepEqual(counts.get('b'), { value: 1, timestamp: 1 })
  assert.equal(counts.get('c'), undefined)
  await stores.close()
  const again = flushedEvery(engine, 1000)
  assert.deepEqual(again.counts.get('a'), { value: 1, timestamp: 1 })
  assert.deepEqual(again.counts.get('b'), { value: 1, timestamp: 1 })
  assert.equal(again.state.metadata('mark'), '1')
})

test('who reads what is committed finds the last commit, in the middle of a transaction too', () => {
  const { state, stores, counts } = flushedEvery(new MemoryEngine(), 1000)
  const log = changelog()
  counts.put('a', 1, 1)
  commit(stores, log)
  counts.put('a', 2, 2)
  const committed = stores.committed<number>('counts')
  assert.deepEqual(committed.get('a'), { value: 1, timestamp: 1 })
  assert.deepEqual(commit(stores, log), [{ key: 'a', value: 2, timestamp: 2 }])
  assert.deepEqual(committed.get('a'), { value: 2, timestamp: 2 })
  assert.notEqual(state.store('counts').get('a')?.subarray(8).equals(one), true)
})

test('a cache that is full is flushed with the next commit', () => {
  const { state, stores, counts } = flushedEvery(new MemoryEngine(), 1000)
  counts.put('a', 1, 1)
  stores.writeChangelog(silent)
  stores.commit({}, { mustFlush: true })
  assert.ok(state.store('counts').get('a')?.subarray(8).equals(one))
})

test('a range over many uncommitted keys sees them as they were when it began', () => {
  const stores = new TaskStores(new MemoryEngine().openTask('0_0'))
  const counts = stores.open(COUNTS)
  const log = changelog()
  const keyOf = (i: number) => `k${String(i).padStart(3, '0')}`
  for (let i = 0; i < 50; i++) counts.put(keyOf(i), i, i)
  commit(stores, log)
  for (let i = 50; i < 100; i++) counts.put(keyOf(i), i, i)
  const all = Array.from({ length: 100 }, (_, i) => i)
  for (const reverse of [false, true]) {
    const seen: number[] = []
    for (const [key, { value }] of counts.range(undefined, undefined, { reverse })) {
      if (seen.length === 0) for (let i = 10; i < 90; i++) counts.put(keyOf(i), null, i)
      counts.put(`${key}+`, 1_000, 1)
      seen.push(value)
      if (seen.length === 60) commit(stores, log)
    }
    assert.deepEqual(seen, reverse ? all.toReversed() : all)
    for (let i = 0; i < 100; i++) {
      counts.put(keyOf(i), i, i)
      counts.put(`${keyOf(i)}+`, null, i)
    }
  }
  for (const [key] of counts.range()) {
    assert.equal(key, keyOf(0))
    break
  }
})
