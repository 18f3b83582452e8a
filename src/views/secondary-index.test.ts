import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { LmdbEngine } from '../streams/state/lmdb.ts'
import { MemoryEngine } from '../streams/state/memory.ts'
import { MemoryTasks } from './memory-tasks.ts'
import { SecondaryIndexes } from './secondary-index.ts'

interface Row {
  place?: string
  value?: number | { deep: boolean }
}

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

function rowTasks(indexes: readonly string[]) {
  return new MemoryTasks<Row>({ partitions: 1, topics: [], indexes, partitionFor: () => 0 }).openAll()
}

function entriesOf(tasks: MemoryTasks<Row>, field: string): string[] {
  const index = tasks.tasks()[0]?.index(field)
  assert.ok(index !== undefined)
  return Array.from(index.range(), ([entry]) => entry)
}

test(`an index kept over changes equals one built from scratch (SEED=${seed})`, () => {
  let state = seed
  // A linear congruential generator (Numerical Recipes): the high bits are random enough for choices.
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const kept = rowTasks(['place', 'value'])
  const rows = new Map<string, Row>()
  for (let commit = 0; commit < 200; commit++) {
    for (let change = random(30); change > 0; change--) {
      const key = `k${random(50)}`
      const values = [undefined, -1, 0, 2.5, { deep: true }]
      const places = [undefined, 'CA', 'NY', 'é\0', 'x'.repeat(300)]
      const place = places[random(places.length)]
      const value = values[random(values.length)]
      const row = { ...(place !== undefined && { place }), ...(value !== undefined && { value }) }
      const kind = random(4)
      const next = kind === 0 ? undefined : kind === 1 ? rows.get(key) : row
      if (next === undefined) rows.delete(key)
      else rows.set(key, next)
      kept.taskOf(Buffer.from(key)).put(key, next)
    }
    kept.put([])
    if (commit % 10 > 0) continue
    const fresh = rowTasks(['place', 'value'])
    fresh.put([...rows].map(([key, row]) => [Buffer.from(key), row]))
    for (const field of ['place', 'value']) {
      const entries = entriesOf(kept, field)
      assert.equal(entries.length, rows.size, `SEED=${seed}`)
      assert.deepEqual(entries, entriesOf(fresh, field), `SEED=${seed}`)
    }
  }
})

test('a row that is written again as it was leaves its index alone', () => {
  const tasks = rowTasks(['place'])
  const key = Buffer.from('k')
  tasks.put([[key, { place: 'CA', value: 1 }]])
  const before = entriesOf(tasks, 'place')
  tasks.put([[key, { place: 'CA', value: 2 }]])
  assert.deepEqual(entriesOf(tasks, 'place'), before)
  tasks.put([[key, { place: 'NY', value: 2 }]])
  assert.deepEqual(entriesOf(tasks, 'place'), ['\x05NY\x00k'])
  tasks.put([[key, undefined]])
  assert.deepEqual(entriesOf(tasks, 'place'), [])
})

test('a change beside the field asks for no write', () => {
  const indexes = new SecondaryIndexes<Row>('rows', ['place'])
  const stored = (value: Row) => ({ value, timestamp: 0 })
  indexes.changed('k', stored({ place: 'CA', value: 1 }), stored({ place: 'CA', value: 2 }))
  assert.deepEqual(
    indexes.takeWrites().map(writes => [...writes.entries]),
    [[]],
  )
})

test('an aborted transaction leaves no trace in the index', () => {
  const tasks = rowTasks(['place'])
  const task = tasks.taskOf(Buffer.from('k'))
  task.put('k', { place: 'CA' })
  task.stores.writeChangelog({ collect: () => assert.fail('there is no changelog') })
  task.stores.abort()
  tasks.put([[Buffer.from('l'), { place: 'NY' }]])
  assert.deepEqual(entriesOf(tasks, 'place'), ['\x05NY\x00l'])
})

for (const [name, newEngine] of [
  ['memory', () => new MemoryEngine()],
  ['lmdb', () => new LmdbEngine(mkdtempSync(join(tmpdir(), 'evert-index-')))],
] as const) {
  test(`${name}: a row whose key its store takes has its entries, whatever the values; a longer key is refused`, async () => {
    const engine = newEngine()
    const tasks = new MemoryTasks<Row>({
      partitions: 1,
      topics: [],
      indexes: ['place', 'value'],
      partitionFor: () => 0,
      engine,
    }).openAll()
    const longest = Buffer.alloc(3_750, 'k')
    const task = tasks.taskOf(longest)
    for (const place of ['x'.repeat(5_000), '\0'.repeat(5_000), '\uffff'.repeat(200), '', undefined]) {
      tasks.put([[longest, { ...(place !== undefined && { place }), value: 1 }]])
      assert.equal(entriesOf(tasks, 'place').length, 1)
      assert.ok(entriesOf(tasks, 'place')[0]?.endsWith(longest.toString('latin1')))
    }
    const tooLong = `${longest.toString('latin1')}k`
    task.put('other', { place: 'CA' })
    assert.equal(task.rows.get(tooLong), undefined)
    assert.equal(task.stores.keyValue('rows').get(tooLong), undefined)
    for (const row of [{ place: 'CA' }, undefined]) {
      assert.throws(() => task.put(tooLong, row), {
        code: 'INVALID_VALUE',
        message: /key of 3751 bytes for the store "rows" is longer than the 3750 bytes/,
      })
    }
    task.commit({})
    assert.deepEqual(task.rows.get('other'), { place: 'CA' }, 'what was put before and fits is not lost')
    assert.equal(entriesOf(tasks, 'place').length, 2)
    await tasks.close()
    await engine.close()
  })
}
