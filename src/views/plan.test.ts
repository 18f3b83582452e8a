import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FieldValue } from './field-value.ts'
import { collectRows } from './find.ts'
import type { LocalTask } from './local-tasks.ts'
import { MemoryTasks } from './memory-tasks.ts'
import { chooseScan } from './plan.ts'
import { parseOrderBy } from './row-order.ts'
import { TopRows } from './top-rows.ts'
import { parseWhere } from './where.ts'

interface Item {
  half: boolean
  tenth: number
  unique: number
  bare: number
}

const ROWS = 2000

/** Counts the rows that are read. */
function countingTask(): { task: LocalTask<Item>; reads: () => number } {
  const tasks = new MemoryTasks<Item>({
    partitions: 1,
    topics: [],
    indexes: ['half', 'tenth', 'unique'],
    partitionFor: () => 0,
  })
  const inner = tasks.open(0)
  tasks.put(
    Array.from({ length: ROWS }, (_, i) => [
      Buffer.from(`k${String(i).padStart(4, '0')}`),
      { half: i % 2 === 0, tenth: i % 10, unique: (i * 7) % ROWS, bare: i % 5 },
    ]),
  )
  let reads = 0
  const rows: LocalTask<Item>['rows'] = {
    get(key) {
      reads++
      return inner.rows.get(key)
    },
    *range(from, to) {
      for (const entry of inner.rows.range(from, to)) {
        reads++
        yield entry
      }
    },
    size: ROWS,
  }
  const task = { partition: 0, rows, index: inner.index, position: () => ({}) }
  return { task, reads: () => reads }
}

interface Case {
  query: string
  where: unknown
  orderBy?: Record<string, 'asc' | 'desc'>
  limit?: number
  found: number
  /** At most so many rows may be read. */
  reads: number
}

const cases: Case[] = [
  { query: 'the narrower of two equalities', where: { half: true, tenth: 4 }, found: 200, reads: 200 },
  {
    query: 'a narrow range before a wide equality',
    where: { half: true, unique: { lt: 20 } },
    found: 10,
    reads: 20,
  },
  {
    query: 'only rows that stand in both indexes',
    where: { half: false, tenth: { in: [1, 2] } },
    found: 200,
    reads: 200,
  },
  { query: 'one value', where: { unique: 77 }, found: 1, reads: 1 },
  { query: 'a few values', where: { unique: { in: [77, 78, 9999] } }, found: 2, reads: 2 },
  { query: 'nothing for no values', where: { unique: { in: [] } }, found: 0, reads: 0 },
  { query: 'nothing for what contradicts itself', where: { unique: { gt: 5, lt: 5 } }, found: 0, reads: 0 },
  { query: 'all rows once without an index', where: { bare: 3 }, found: 400, reads: ROWS },
  {
    query: 'all rows once for a wide condition',
    where: { unique: { gte: 10 } },
    found: ROWS - 10,
    reads: ROWS,
  },
  { query: 'a page of all rows', where: {}, limit: 10, found: 10, reads: 11 },
  { query: 'a page of one value', where: { tenth: 3 }, limit: 10, found: 10, reads: 11 },
  {
    query: 'a page of a wide condition by key',
    where: { unique: { gte: 10 } },
    limit: 10,
    found: 10,
    reads: 15,
  },
  { query: 'a page by an index', where: {}, orderBy: { unique: 'asc' }, limit: 10, found: 10, reads: 11 },
  {
    query: 'a page from the end of an index',
    where: {},
    orderBy: { unique: 'desc' },
    limit: 10,
    found: 10,
    reads: 11,
  },
  {
    query: 'a page of many equal values from the end',
    where: {},
    orderBy: { tenth: 'desc' },
    limit: 10,
    found: 10,
    reads: 11,
  },
  {
    query: 'the values that tie with the last of a page, for a second criterion',
    where: {},
    orderBy: { tenth: 'asc', unique: 'asc' },
    limit: 10,
    found: 10,
    reads: 201,
  },
]

for (const { query, where, orderBy, limit, found, reads } of cases) {
  test(`a query reads ${query}`, () => {
    const counted = countingTask()
    const order = parseOrderBy(orderBy)
    const top = new TopRows<Item>(order, limit ?? Number.POSITIVE_INFINITY)
    collectRows(counted.task, { terms: parseWhere(where), order, limit, after: undefined }, top)
    assert.equal(top.toSorted().length, found)
    assert.ok(counted.reads() <= reads, `${counted.reads()} rows were read`)
  })
}

test('a second page starts where the first ended', () => {
  const places: [orderBy: Record<string, 'asc' | 'desc'>, values: FieldValue[]][] = [
    [{}, []],
    [{ tenth: 'asc' }, [4]],
    [{ tenth: 'desc' }, [4]],
  ]
  for (const [orderBy, values] of places) {
    const counted = countingTask()
    const order = parseOrderBy(orderBy)
    const top = new TopRows<Item>(order, 10)
    collectRows(counted.task, { terms: [], order, limit: 10, after: { values, key: 'k1004' } }, top)
    assert.equal(top.toSorted().length, 10)
    assert.ok(counted.reads() <= 12, `${JSON.stringify(orderBy)}: ${counted.reads()} rows were read`)
  }
})

test('an index that is not there is not chosen', () => {
  const { task } = countingTask()
  const bare = { ...task, index: () => undefined }
  const scan = chooseScan(bare, {
    terms: parseWhere({ unique: 1 }),
    order: parseOrderBy({ tenth: 'asc' }),
    limit: 1,
  })
  assert.deepEqual(scan, { kind: 'full' })
})
