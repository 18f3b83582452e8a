import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { string } from '../contracts/codecs.ts'
import { ManualClock } from '../internal/clock.ts'
import { View } from '../streams/dsl/view.ts'
import { LocalReader } from './local-reader.ts'
import { MemoryTasks } from './memory-tasks.ts'

interface Item {
  n: number
}

function fixture() {
  const view = new View<string, Item>('items', { indexes: ['n'] })
  const tasks = new MemoryTasks<Item>({
    partitions: 2,
    topics: ['items'],
    indexes: ['n'],
    partitionFor: key => (key.at(-1) ?? 0) % 2,
  })
  const clock = new ManualClock()
  view.bind(new LocalReader({ view, key: string, tasks, clock }))
  return { view, tasks, clock }
}

/** Says whether the promise has settled once everything that can run has run. */
async function state(promise: Promise<unknown>): Promise<'pending' | 'settled'> {
  const settled = promise.then(
    () => 'settled' as const,
    () => 'settled' as const,
  )
  const later = new Promise<'pending'>(resolve => {
    setImmediate(resolve, 'pending')
  })
  return Promise.race([settled, later])
}

test('before the application runs, a view says to start it', async () => {
  const view = new View<string, Item>('items')
  await assert.rejects(view.get('a'), { code: 'NOT_READY', message: /"items".*Start the app/ })
  await assert.rejects(view.find(), { code: 'NOT_READY' })
})

test('a row is read from the partition of its key, with what it reflects', async () => {
  const { view, tasks } = fixture()
  tasks.openAll()
  tasks.put([
    [Buffer.from('k1'), { n: 1 }],
    [Buffer.from('k2'), { n: 2 }],
  ])
  tasks.taskOf(Buffer.from('k1')).commit({ items: { 1: 10 } })
  assert.deepEqual(await view.get('k1'), { n: 1 })
  assert.deepEqual(await view.getWithPosition('k1'), { value: { n: 1 }, position: { items: { 1: 10 } } })
  assert.deepEqual(await view.getWithPosition('k9'), { value: undefined, position: { items: { 1: 10 } } })
  assert.deepEqual(await view.getWithPosition('k2'), { value: { n: 2 }, position: {} })
})

test('what is not committed is not read', async () => {
  const { view, tasks } = fixture()
  tasks.openAll()
  tasks.taskOf(Buffer.from('k1')).put('k1', { n: 1 })
  assert.equal(await view.get('k1'), undefined)
  assert.deepEqual((await view.find({ n: 1 })).rows, [])
  tasks.put([])
  assert.deepEqual(await view.get('k1'), { n: 1 })
  assert.deepEqual((await view.find({ n: 1 })).rows, [{ key: 'k1', value: { n: 1 } }])
})

test('a read with a position waits for the commit that covers it', async () => {
  const { view, tasks } = fixture()
  tasks.openAll()
  const minPosition = { items: { 0: 3, 1: 5 } }
  const found = view.find({}, { minPosition })
  const got = view.get('k1', { minPosition })
  assert.equal(await state(found), 'pending')
  tasks.taskOf(Buffer.from('k1')).put('k1', { n: 1 })
  tasks.taskOf(Buffer.from('k1')).commit({ items: { 1: 5 } })
  assert.deepEqual(await got, { n: 1 })
  assert.equal(await state(found), 'pending')
  tasks.taskOf(Buffer.from('k2')).commit({ items: { 0: 4 } })
  assert.deepEqual(await found, {
    rows: [{ key: 'k1', value: { n: 1 } }],
    position: { items: { 0: 4, 1: 5 } },
  })
  assert.equal(tasks.listeners, 0)
})

test('a read waits for partitions that are not here yet, as long as it was told', async () => {
  const { view, tasks, clock } = fixture()
  tasks.open(0)
  const found = view.find()
  assert.equal(await state(found), 'pending')
  clock.advance(9_999)
  assert.equal(await state(found), 'pending')
  clock.advance(1)
  await assert.rejects(found, { code: 'NOT_READY', message: /does not have partition 1/, retryable: true })
  const again = view.find()
  assert.equal(await state(again), 'pending')
  tasks.open(1)
  assert.deepEqual((await again).rows, [])
  assert.equal(tasks.listeners, 0)
})

test('a position that is not reached in time ends in TIMEOUT', async () => {
  const { view, tasks, clock } = fixture()
  tasks.openAll()
  const found = view.find({}, { minPosition: { items: { 0: 1 } }, timeoutMs: 50 })
  assert.equal(await state(found), 'pending')
  clock.advance(50)
  await assert.rejects(found, { code: 'TIMEOUT', message: /within 50 ms/, retryable: true })
  assert.equal(tasks.listeners, 0)
})

test('a signal ends the wait with its reason', async () => {
  const { view, tasks } = fixture()
  tasks.openAll()
  const abort = new AbortController()
  const found = view.get('k1', { minPosition: { items: { 1: 1 } }, signal: abort.signal })
  assert.equal(await state(found), 'pending')
  const reason = new Error('enough')
  abort.abort(reason)
  await assert.rejects(found, reason)
  assert.equal(tasks.listeners, 0)
  const other = new AbortController()
  const covered = view.get('k1', { minPosition: { items: { 1: 1 } }, signal: other.signal })
  tasks.taskOf(Buffer.from('k1')).commit({ items: { 1: 1 } })
  await covered
  assert.equal(getEventListeners(other.signal, 'abort').length, 0)
  await assert.rejects(view.get('k1', { signal: abort.signal }), reason)
})

test('positions that the view can never reach are refused at once', async () => {
  const { view, tasks } = fixture()
  tasks.openAll()
  await assert.rejects(view.find({}, { minPosition: { other: { 0: 1 } } }), {
    code: 'INVALID_ARGUMENT',
    message: /topic "other".*It reads: items/,
  })
  await assert.rejects(view.find({}, { minPosition: { items: { 2: 1 } } }), {
    code: 'INVALID_ARGUMENT',
    message: /partition 2 of "items", which has 2/,
  })
})
