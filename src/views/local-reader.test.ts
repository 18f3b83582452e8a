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

test('a wait for a row ends at the commit that makes it so, at once when it is so', async () => {
  const { view, tasks } = fixture()
  tasks.openAll()
  const seen: (number | undefined)[] = []
  const isTwo = (row: Item | undefined) => {
    seen.push(row?.n)
    return row?.n === 2
  }
  const waited = view.waitFor('k1', isTwo)
  const gone = view
    .waitFor('k1', row => row?.n === 1)
    .then(() => view.waitFor('k1', row => row === undefined))
  const task = tasks.taskOf(Buffer.from('k1'))
  assert.equal(await state(waited), 'pending')
  task.put('k1', { n: 1 })
  task.commit({ items: { 1: 7 } })
  assert.equal(await state(waited), 'pending')
  task.put('k1', { n: 2 })
  assert.equal(await state(waited), 'pending')
  assert.equal(seen.includes(2), false, 'what is not committed is not looked at')
  task.commit({ items: { 1: 8 } })
  task.put('k1', { n: 3 })
  task.commit({ items: { 1: 9 } })
  assert.deepEqual(await waited, { value: { n: 2 }, position: { items: { 1: 8 } } })
  const { value, position } = await view.waitFor('k1', row => row?.n === 3, { timeoutMs: 0 })
  assert.deepEqual({ value, position }, { value: { n: 3 }, position: { items: { 1: 9 } } })
  task.put('k1', undefined)
  task.commit({ items: { 1: 10 } })
  assert.deepEqual(await gone, { value: undefined, position: { items: { 1: 10 } } })
  assert.equal(tasks.listeners, 0)
})

test('any number wait for one key, each until its own row', async () => {
  const { view, tasks } = fixture()
  tasks.openAll()
  const waits = Array.from({ length: 200 }, (_, i) => view.waitFor('k1', row => row?.n === i % 20))
  for (let n = 0; n < 20; n++) {
    tasks.put([[Buffer.from('k1'), { n }]])
    assert.equal(tasks.listeners, 200 - (n + 1) * 10)
  }
  const found = await Promise.all(waits)
  assert.deepEqual(
    found.map(({ value }) => value?.n),
    Array.from({ length: 200 }, (_, i) => i % 20),
  )
})

test('a commit between the look and the registration wakes the one who waits', async () => {
  const { tasks, clock } = fixture()
  tasks.openAll()
  const task = tasks.taskOf(Buffer.from('k1'))
  const late = {
    partitions: tasks.partitions,
    topics: tasks.topics,
    partitionFor: (key: Buffer) => tasks.partitionFor(key),
    tasks: () => tasks.tasks(),
    onChange(listener: () => void) {
      task.put('k1', { n: 1 })
      task.commit({})
      return tasks.onChange(listener)
    },
  }
  const view = new View<string, Item>('items')
  view.bind(new LocalReader({ view, key: string, tasks: late, clock }))
  assert.deepEqual((await view.waitFor('k1', row => row !== undefined)).value, { n: 1 })
  assert.equal(tasks.listeners, 0)
})

test('a wait for a row outlives its task moving away and back', async () => {
  const { view, tasks } = fixture()
  tasks.openAll()
  tasks.put([[Buffer.from('k1'), { n: 1 }]])
  const waited = view.waitFor('k1', row => row?.n === 2)
  await tasks.leave(1)
  const early = view.waitFor('k1', row => row?.n === 1)
  assert.equal(await state(early), 'pending')
  tasks.open(1)
  assert.deepEqual((await early).value, { n: 1 })
  assert.equal(await state(waited), 'pending')
  tasks.put([[Buffer.from('k1'), { n: 2 }]])
  assert.deepEqual((await waited).value, { n: 2 })
})

test('a row that is not so in time ends the wait, as do a signal and an error of the condition', async () => {
  const { view, tasks, clock } = fixture()
  tasks.openAll()
  tasks.put([[Buffer.from('k3'), { n: 1 }]])
  const never = (): boolean => false
  const timed = view.waitFor('k1', never, { timeoutMs: 50 })
  const abort = new AbortController()
  const aborted = view.waitFor('k1', never, { timeoutMs: Number.POSITIVE_INFINITY, signal: abort.signal })
  const present = view.waitFor('k3', never, { timeoutMs: 50 })
  const moved = view.waitFor('k2', never, { timeoutMs: 50 })
  await tasks.leave(0)
  clock.advance(49)
  assert.equal(await state(timed), 'pending')
  clock.advance(1)
  await assert.rejects(timed, {
    code: 'TIMEOUT',
    message: /^The view "items" got no row "k1" within 50 ms\./,
    retryable: true,
  })
  await assert.rejects(present, {
    code: 'TIMEOUT',
    message: /^The row "k3" of the view "items" did not come to the awaited state within 50 ms\./,
    retryable: true,
  })
  await assert.rejects(moved, { code: 'NOT_READY', message: /partition 0/ })
  clock.advance(1_000_000)
  assert.equal(await state(aborted), 'pending')
  const reason = new Error('enough')
  abort.abort(reason)
  await assert.rejects(aborted, reason)
  assert.equal(getEventListeners(abort.signal, 'abort').length, 0)
  const failing = view.waitFor('k1', row => {
    if (row !== undefined) throw new RangeError('odd row')
    return false
  })
  assert.equal(await state(failing), 'pending')
  const task = tasks.taskOf(Buffer.from('k1'))
  task.put('k1', { n: 1 })
  task.commit({})
  await assert.rejects(failing, RangeError)
  assert.equal(tasks.listeners, 0)
  for (const timeoutMs of [Number.NaN, -1]) {
    await assert.rejects(view.waitFor('k1', never, { timeoutMs }), { code: 'INVALID_ARGUMENT' })
  }
})

test('stopping the application ends every wait', async () => {
  const { view, tasks } = fixture()
  tasks.openAll()
  const waits = [
    view.waitFor('k1', () => false),
    view.get('k1', { minPosition: { items: { 1: 1 } } }),
    view.find({}, { minPosition: { items: { 0: 1 } } }),
  ]
  for (const wait of waits) assert.equal(await state(wait), 'pending')
  view.bind(undefined)
  for (const wait of waits) await assert.rejects(wait, { code: 'CLOSED', message: /"items" was stopped/ })
  assert.equal(tasks.listeners, 0)
  await assert.rejects(view.get('k1'), { code: 'NOT_READY' })
})

test('a wait for a row may ask for a position as well', async () => {
  const { view, tasks } = fixture()
  tasks.openAll()
  const task = tasks.taskOf(Buffer.from('k1'))
  task.put('k1', { n: 1 })
  task.commit({ items: { 1: 1 } })
  const waited = view.waitFor('k1', row => row?.n === 1, { minPosition: { items: { 1: 2 } } })
  assert.equal(await state(waited), 'pending')
  task.commit({ items: { 1: 2 } })
  assert.deepEqual(await waited, { value: { n: 1 }, position: { items: { 1: 2 } } })
})

test('with declared fields, other names are refused; without, an optional field need not be in any row', async () => {
  interface Note {
    text: string
    place?: string
    by?: string
  }
  const tasks = new MemoryTasks<Note>({ partitions: 1, topics: [], indexes: [], partitionFor: () => 0 })
  tasks.openAll().put([[Buffer.from('k'), { text: 'x' }]])
  const open = new View<string, Note>('open')
  open.bind(new LocalReader({ view: open, key: string, tasks }))
  const named = new View<string, Note>('named', { fields: ['text'], indexes: ['place'] })
  named.bind(new LocalReader({ view: named, key: string, tasks }))
  assert.deepEqual((await open.find({ by: 'a' })).rows, [])
  assert.equal((await open.find({ by: null })).rows.length, 1)
  assert.equal((await named.find({ text: 'x', place: null })).rows.length, 1)
  const refused = { code: 'INVALID_QUERY', message: /"by".*text, place/ }
  await assert.rejects(named.find({ by: null }), refused)
  await assert.rejects(named.find({}, { orderBy: { by: 'asc' } }), refused)
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

test('the position of a topic before a repartition is refused with what to use instead', async () => {
  const refusalOf = async (isRepartitioned: boolean) => {
    const tasks = new MemoryTasks<Item>({
      partitions: 1,
      topics: ['app-counts-repartition'],
      isRepartitioned,
      indexes: [],
      partitionFor: () => 0,
    })
    tasks.openAll()
    const view = new View<string, Item>('counts')
    view.bind(new LocalReader({ view, key: string, tasks }))
    return view.get('k', { minPosition: { clicks: { 0: 1 } } }).then(
      () => assert.fail('it was not refused'),
      (error: Error & { code?: string }) => error,
    )
  }
  const refusal = await refusalOf(true)
  assert.equal(refusal.code, 'INVALID_ARGUMENT')
  assert.match(
    refusal.message,
    /"clicks".*its rows come through a repartition topic; use waitFor\. It reads: app-/,
  )
  assert.doesNotMatch((await refusalOf(false)).message, /repartition topic|waitFor/)
})
