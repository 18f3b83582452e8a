import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../internal/random.ts'
import { string } from '../contracts/codecs.ts'
import { View } from '../streams/dsl/view.ts'
import type { FindOptions, KeyCondition, Where } from '../streams/dsl/view-query.ts'
import { type Windowed, windowStoreKey } from '../streams/processors/windowed-key.ts'
import { LocalReader } from './local-reader.ts'
import { MemoryTasks } from './memory-tasks.ts'

interface Item {
  place?: string | null
  value: number
  open: boolean
  text: string
  extra?: unknown
}

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

test(`a query finds what a filter and a sort of all rows find (SEED=${seed})`, async () => {
  const random = generator(seed)
  for (let round = 0; round < 40; round++) {
    const rows = new Map<string, Item>()
    const { view, tasks } = itemView(subset(random, ['place', 'value', 'open', 'text']))
    for (let commit = 0; commit < 4; commit++) {
      const changes = Array.from({ length: random(60) }, (): [string, Item | undefined] => [
        `k${random(70)}`,
        random(4) === 0 ? undefined : randomItem(random),
      ])
      for (const [key, item] of changes) {
        if (item === undefined) rows.delete(key)
        else rows.set(key, item)
      }
      tasks.put(changes.map(([key, item]) => [Buffer.from(key), item]))
      for (let query = 0; query < 15; query++) {
        const where = randomWhere(random)
        const orderBy = randomOrder(random)
        const { keys, holds } = randomKeys(random)
        const expected = naive(rows, where, orderBy).filter(holds)
        const limit = random(2) === 0 ? undefined : 1 + random(8)
        const about = `SEED=${seed} ${JSON.stringify({ where, orderBy, limit, keys })}`
        const found: string[] = []
        let cursor: string | undefined
        do {
          const options = {
            orderBy,
            ...(keys && { keys }),
            ...(limit && { limit }),
            ...(cursor && { cursor }),
          }
          const page = await view.find(where, options)
          for (const row of page.rows) {
            assert.deepEqual(row.value, rows.get(row.key), about)
            found.push(row.key)
          }
          if (page.cursor !== undefined) assert.equal(page.rows.length, limit, about)
          cursor = page.cursor
        } while (cursor !== undefined)
        assert.deepEqual(found, expected, about)
      }
    }
  }
})

test(`pages under change repeat no row and lose none that was left alone (SEED=${seed})`, async () => {
  const random = generator(seed + 1)
  for (let round = 0; round < 40; round++) {
    const { view, tasks } = itemView(subset(random, ['place', 'value', 'open', 'text']))
    const quiet = new Map(Array.from({ length: 40 }, (_, i) => [`quiet${i}`, randomItem(random)]))
    tasks.put([...quiet].map(([key, item]) => [Buffer.from(key), item]))
    const orderBy = randomOrder(random)
    const seen: string[] = []
    const touched = new Set<string>()
    let cursor: string | undefined
    do {
      const options = { orderBy, limit: 1 + random(7), ...(cursor && { cursor }) }
      const page = await view.find({}, options)
      seen.push(...page.rows.map(row => row.key))
      cursor = page.cursor
      const busy = Array.from({ length: 6 }, (): [Buffer, Item | undefined] => {
        const key = `busy${random(30)}`
        touched.add(key)
        return [Buffer.from(key), random(3) === 0 ? undefined : randomItem(random)]
      })
      tasks.put(busy)
    } while (cursor !== undefined && seen.length < 10_000)
    const untouched = seen.filter(key => !touched.has(key))
    assert.deepEqual(untouched, naive(quiet, {}, orderBy), `SEED=${seed} round ${round}`)
  }
})

test('a cursor goes on only with its own query, and only undamaged', async () => {
  const { view, tasks } = itemView(['value'])
  const item = { value: 1, open: true, text: '' }
  tasks.put(['a', 'b', 'c'].map(key => [Buffer.from(key), item]))
  const { cursor } = await view.find({ open: true }, { limit: 1, orderBy: { value: 'desc' } })
  assert.ok(cursor !== undefined)
  const again = { limit: 1, orderBy: { value: 'desc' }, cursor } as const
  assert.deepEqual(
    (await view.find({ open: true }, again)).rows.map(row => row.key),
    ['b'],
  )
  const refused: [Where<Item>, FindOptions<Item>, RegExp][] = [
    [{ open: false }, again, /another query/],
    [{ open: true }, { ...again, orderBy: { value: 'asc' } }, /another query/],
    [{ open: true }, { limit: 1, cursor }, /another query/],
    [{ open: true }, { ...again, keys: { prefix: 'b' } }, /another query/],
    [{ open: true }, { ...again, cursor: `${cursor}A` }, /damaged/],
    [{ open: true }, { ...again, cursor: cursor.slice(1) }, /damaged/],
    [{ open: true }, { ...again, cursor: flipLast(cursor) }, /damaged/],
    [{ open: true }, { ...again, cursor: '' }, /damaged/],
    [{ open: true }, { ...again, cursor: 'AAAAAA' }, /damaged/],
  ]
  for (const [where, options, message] of refused) {
    await assert.rejects(view.find(where, options), { code: 'INVALID_QUERY', message })
  }
})

test('limits and orders that do not fit are refused', async () => {
  const { view } = itemView([])
  const refused: [options: unknown, message: RegExp][] = [
    [{ limit: 0 }, /limit is a whole number, 1 or more, not number 0/],
    [{ limit: 1.5 }, /not number 1.5/],
    [{ limit: '5' }, /not "5"/],
    [{ orderBy: 'value' }, /orderBy is an object/],
    [{ orderBy: { value: 'up' } }, /Valid orders: asc, desc/],
    [{ orderBy: { colour: 'asc' } }, /no field "colour".*place, value, open, text, extra/],
  ]
  for (const [options, message] of refused) {
    await assert.rejects(view.find({}, options as FindOptions<Item>), { code: 'INVALID_QUERY', message })
  }
})

test('rows of windows are found by time, and the refusals of other keys say why', async () => {
  const key = windowStoreKey(string, 10)
  const view = new View<Windowed<string>, Item>('windows')
  const tasks = new MemoryTasks<Item>({
    partitions: 1,
    topics: ['items'],
    indexes: [],
    partitionFor: () => 0,
  }).openAll()
  view.bind(new LocalReader({ view, key, tasks }))
  const item = { value: 1, open: true, text: '' }
  const windows = [0, 10, 20, 30].flatMap(start =>
    ['a', 'b'].map(each => ({ key: each, start, end: start + 10 })),
  )
  tasks.put(windows.map(each => [key.encode(each), item]))
  const found = async (keys: KeyCondition<Windowed<string>>) =>
    (await view.find({ open: true }, { keys })).rows.map(row => `${row.key.key}${row.key.start}`)
  assert.deepEqual(await found({ fromMs: 10, toMs: 20 }), ['a10', 'b10', 'a20', 'b20'])
  assert.deepEqual(await found({ fromMs: 21 }), ['a30', 'b30'])
  assert.deepEqual(await found({ toMs: -1 }), [])
  assert.deepEqual(
    await found({ from: { key: 'b', start: 10, end: 20 }, to: { key: 'a', start: 20, end: 30 } }),
    ['b10', 'a20'],
  )
  const refused: [object, RegExp][] = [
    [{ fromMs: 1.5 }, /fromMs is a time in whole milliseconds/],
    [{ fromMs: 1, prefix: 'a' }, /one of them/],
    [{ above: 1 }, /has no "above"\. Valid: from, to, prefix, fromMs, toMs/],
  ]
  for (const [keys, message] of refused) await assert.rejects(found(keys), { code: 'INVALID_QUERY', message })
  const { view: items } = itemView([])
  await assert.rejects(items.find({}, { keys: { fromMs: 1 } as object }), /are no windows/)
})

/** The cursor with one character of its content changed to another legal one. */
function flipLast(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('latin1')
  const changed = text.replace(/n1"\]$/, 'n2"]')
  assert.notEqual(changed, text)
  return Buffer.from(changed, 'latin1').toString('base64url')
}

type Random = (below: number) => number

function generator(seed: number): Random {
  const random = seededRandom(seed)
  return below => Math.floor(random() * below)
}

function itemView(indexes: readonly string[]) {
  const view = new View<string, Item>('items', {
    indexes: indexes as ('place' | 'value' | 'open' | 'text')[],
    fields: ['place', 'value', 'open', 'text', 'extra' as 'text'],
  })
  const tasks = new MemoryTasks<Item>({
    partitions: 3,
    topics: ['items'],
    indexes,
    partitionFor: key => (key.at(-1) ?? 0) % 3,
  }).openAll()
  view.bind(new LocalReader({ view, key: string, tasks }))
  return { view, tasks }
}

function subset(random: Random, fields: readonly string[]): string[] {
  return fields.filter(() => random(2) === 0)
}

const PLACES = ['CA', 'NY', 'é', '\ud83d\ude00', '\uffff', '', 'C\0A']
const NUMBERS = [-3, -0.5, 0, 0.25, 1, 2, 3, 1e9]
/** Alike in far more than the bytes that an index keeps. */
const TEXTS = ['a', 'b', ...['', 'a', 'b', 'c'].map(end => 'long '.repeat(50) + end)]

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random(values.length)] as T
}

function randomItem(random: Random): Item {
  const place = pick(random, [...PLACES, null, undefined])
  return {
    ...(place !== undefined && { place }),
    value: pick(random, NUMBERS),
    open: random(2) === 0,
    text: pick(random, TEXTS),
    ...(random(5) === 0 && { extra: { nested: true } }),
  }
}

type Conditions = Record<string, Record<string, unknown>>

function randomWhere(random: Random): Conditions {
  const where: Conditions = {}
  const operands: Record<string, readonly unknown[]> = {
    place: PLACES,
    value: NUMBERS,
    open: [true, false],
    text: TEXTS,
  }
  for (const field of subset(random, Object.keys(operands)).slice(0, 1 + random(3))) {
    const operand = () => pick(random, operands[field] ?? [])
    const operators: Record<string, unknown> = {
      eq: random(8) === 0 ? null : operand(),
      ne: operand(),
      gt: operand(),
      gte: operand(),
      lt: operand(),
      lte: operand(),
      in: [operand(), operand()],
      between: [operand(), operand()],
    }
    const names = Array.from({ length: 1 + random(2) }, () => pick(random, Object.keys(operators)))
    where[field] = Object.fromEntries(names.map(name => [name, operators[name]]))
  }
  return where
}

/** Keys are text, so their bytes and their code units are in one order. */
function randomKeys(random: Random): {
  keys: KeyCondition<string> | undefined
  holds: (key: string) => boolean
} {
  const [from, to] = [`k${random(70)}`, `k${random(70)}`]
  switch (random(8)) {
    case 0:
      return { keys: { from }, holds: key => key >= from }
    case 1:
      return { keys: { from, to }, holds: key => key >= from && key <= to }
    case 2:
      return { keys: { prefix: from.slice(0, 2) }, holds: key => key.startsWith(from.slice(0, 2)) }
    default:
      return { keys: undefined, holds: () => true }
  }
}

function randomOrder(random: Random): Record<string, 'asc' | 'desc'> {
  const fields = subset(random, ['text', 'open', 'value', 'place', 'extra']).slice(0, 2)
  return Object.fromEntries(fields.map(field => [field, random(2) === 0 ? 'asc' : 'desc']))
}

/** The meaning of a query, written as plainly as it goes; the keys here sort alike as text and as bytes. */
function naive(
  rows: ReadonlyMap<string, Item>,
  where: Conditions,
  orderBy: Record<string, string>,
): string[] {
  const holds: Record<string, (field: never, operand: never) => boolean> = {
    eq: (field: unknown, operand: unknown) => field === operand,
    ne: (field: unknown, operand: unknown) => field !== operand,
    gt: (field: number, operand: number) => typeof field === typeof operand && field > operand,
    gte: (field: number, operand: number) => typeof field === typeof operand && field >= operand,
    lt: (field: number, operand: number) => typeof field === typeof operand && field < operand,
    lte: (field: number, operand: number) => typeof field === typeof operand && field <= operand,
    in: (field: unknown, operand: unknown[]) => operand.includes(field),
    between: (field: number, [low, high]: [number, number]) =>
      typeof field === typeof low && field >= low && field <= high,
  }
  const valueOf = (item: Item, field: string) => (item as unknown as Record<string, unknown>)[field] ?? null
  const types = ['null', 'boolean', 'number', 'string', 'object']
  const typeOf = (value: unknown) => types.indexOf(value === null ? 'null' : typeof value)
  return [...rows]
    .filter(([, item]) =>
      Object.entries(where).every(([field, operators]) =>
        Object.entries(operators).every(([name, operand]) =>
          holds[name]?.(valueOf(item, field) as never, operand as never),
        ),
      ),
    )
    .toSorted(([keyA, a], [keyB, b]) => {
      for (const [field, direction] of Object.entries(orderBy)) {
        const x = valueOf(a, field)
        const y = valueOf(b, field)
        let order = typeOf(x) - typeOf(y)
        if (order === 0 && typeof x !== 'object')
          order = (x as number) < (y as number) ? -1 : (x as number) > (y as number) ? 1 : 0
        if (order !== 0) return direction === 'desc' ? -order : order
      }
      return keyA < keyB ? -1 : 1
    })
    .map(([key]) => key)
}
