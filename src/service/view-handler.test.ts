import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../contracts/codecs.ts'
import { View } from '../streams/dsl/view.ts'
import { LocalReader } from '../views/local-reader.ts'
import { MemoryTasks } from '../views/memory-tasks.ts'
import { router } from './router.ts'
import { viewHandler } from './view-handler.ts'

interface Order {
  fulfilled: boolean
  deliveryLocation: string
  orderValue: number
  price: number | null
}

const view = new View<string, Order>('openOrders', { indexes: ['orderValue'] })
const tasks = new MemoryTasks<Order>({
  partitions: 2,
  topics: ['orders'],
  indexes: ['orderValue'],
  partitionFor: key => (key.at(-1) ?? 0) % 2,
}).openAll()
const order = (
  deliveryLocation: string,
  orderValue: number,
  fulfilled = false,
  price: number | null = 1,
) => ({
  deliveryLocation,
  orderValue,
  fulfilled,
  price,
})
tasks.put([
  [Buffer.from('o1'), order('CA', 50)],
  [Buffer.from('o2'), order('CA', 150)],
  [Buffer.from('o3'), order('NY', 250, false, null)],
  [Buffer.from('o4'), order('CA', 350, true)],
  [Buffer.from('o5'), order('gt:1', 100)],
])
tasks.taskOf(Buffer.from('o2')).commit({ orders: { 0: 7 } })
tasks.taskOf(Buffer.from('o1')).commit({ orders: { 1: 5 } })

const reader = new LocalReader({ view, key: string, tasks })
const handler = viewHandler(view, {
  fields: { fulfilled: 'boolean', deliveryLocation: 'string', orderValue: 'number', price: 'number' },
  maxLimit: 100,
})
const api = router().get('/v1/orders', handler).get('/v1/orders/:key', handler)

/** Read as JSON, trusting what the test then checks. */
const bodyOf = async (response: Response) =>
  (await response.json()) as { rows: { key: string }[]; cursor?: string; field?: string; detail: string }

const get = (path: string, headers: Record<string, string> = {}) =>
  api.fetch(new Request(`http://localhost/v1/orders${path}`, { headers }))

test('a view that is not started is not ready', async () => {
  const response = await get('')
  assert.equal(response.status, 503)
  assert.equal(response.headers.get('retry-after'), '1')
  view.bind(reader)
})

/** A query string and the keys of the rows it finds. */
const found: [query: string, keys: string[]][] = [
  ['', ['o1', 'o2', 'o3', 'o4', 'o5']],
  ['?fulfilled=false&deliveryLocation=CA&orderValue=100&operator=GreaterThan', ['o2']],
  ['?operator=GreaterThan&orderValue=100&deliveryLocation=CA', ['o2', 'o4']],
  ['?orderValue=100', ['o5']],
  ['?orderValue=100&operator=Equals', ['o5']],
  ['?orderValue=100&operator=NotEquals', ['o1', 'o2', 'o3', 'o4']],
  ['?orderValue=250&operator=GreaterThanOrEqual', ['o3', 'o4']],
  ['?orderValue=150&operator=LessThan', ['o1', 'o5']],
  ['?orderValue=150&operator=LessThanOrEqual', ['o1', 'o2', 'o5']],
  ['?orderValue=50,250&operator=In', ['o1', 'o3']],
  ['?orderValue=50&orderValue=250&operator=In', ['o1', 'o3']],
  ['?orderValue=50,250&operator=Between', ['o1', 'o2', 'o3', 'o5']],
  ['?deliveryLocation=CA&operator=NotEquals', ['o3', 'o5']],
  ['?deliveryLocation=CA,NY&deliveryLocation.operator=In&orderValue=200&operator=gt', ['o3', 'o4']],
  ['?orderValue=100&orderValue.operator=GreaterThan&price=1&operator=LessThanOrEqual', ['o2', 'o4']],
  ['?orderValue=gt:100&deliveryLocation=CA', ['o2', 'o4']],
  ['?orderValue=gte:100&orderValue=lt:250', ['o2', 'o5']],
  ['?orderValue=between:60,200&price=1&operator=Equals', ['o2', 'o5']],
  ['?deliveryLocation=eq:gt:1', ['o5']],
  ['?price=null', ['o3']],
  ['?orderBy=orderValue:desc', ['o4', 'o3', 'o2', 'o5', 'o1']],
  ['?orderBy=fulfilled:desc,orderValue&limit=3', ['o4', 'o1', 'o5']],
  ['?minPosition=orders:0=7,1=5', ['o1', 'o2', 'o3', 'o4', 'o5']],
]

test('query strings find rows', async () => {
  for (const [query, keys] of found) {
    const response = await get(query)
    const body = await bodyOf(response)
    assert.equal(response.status, 200, `${query} ${JSON.stringify(body)}`)
    assert.deepEqual(
      body.rows.map(row => row.key),
      keys,
      query,
    )
    assert.equal(response.headers.get('x-evert-position'), 'orders:0=7,1=5')
  }
})

test('pages follow each other by cursor', async () => {
  const keys: string[] = []
  let query = '?limit=2&orderBy=orderValue'
  for (;;) {
    const body = await bodyOf(await get(query))
    keys.push(body.rows.map(row => row.key).join('+'))
    if (body.cursor === undefined) break
    query = `?limit=2&orderBy=orderValue&cursor=${body.cursor}`
  }
  assert.deepEqual(keys, ['o1+o5', 'o2+o3', 'o4'])
})

test('one row is served by its key', async () => {
  const response = await get('/o3')
  assert.equal(response.status, 200)
  assert.deepEqual(await response.json(), order('NY', 250, false, null))
  assert.equal(response.headers.get('x-evert-position'), 'orders:1=5')
})

/** A refused query string: the status, the field it names, and what it says. */
const refused: [path: string, status: number, field: string | undefined, detail: RegExp][] = [
  ['/o9', 404, undefined, /no row with the key "o9"/],
  ['/o3?colour=red', 400, 'colour', /Valid: minPosition, timeoutMs/],
  ['?colour=red', 400, 'colour', /Valid fields: fulfilled, deliveryLocation, orderValue, price/],
  ['?__proto__=1', 400, '__proto__', /no parameter/],
  ['?constructor=1', 400, 'constructor', /no parameter/],
  ['?colour.operator=In', 400, 'colour.operator', /no parameter/],
  ['?orderValue=100&operator=Near', 400, 'orderValue', /no operator "Near".*Equals, NotEquals, GreaterThan/],
  [
    '?orderValue=100&price=1&operator=Equals',
    400,
    'operator',
    /not clear.*orderValue, price.*"orderValue.operator"/,
  ],
  ['?operator=Equals', 400, 'operator', /without a field/],
  ['?orderValue.operator=Equals', 400, 'orderValue', /without "orderValue"/],
  ['?orderValue=1&operator=In&operator=In', 400, 'operator', /given twice/],
  ['?orderValue=1&orderValue=2', 400, 'orderValue', /has 2 values/],
  ['?orderValue=gt:1&orderValue=gt:2', 400, 'orderValue', /do not go together/],
  ['?orderValue=gt:1&orderValue=2', 400, 'orderValue', /do not go together/],
  ['?orderValue=many', 400, 'orderValue', /is a number, not "many"/],
  ['?orderValue=', 400, 'orderValue', /is a number, not ""/],
  ['?orderValue=1e999', 400, 'orderValue', /is a number/],
  ['?orderValue=0x10', 400, 'orderValue', /is a number/],
  ['?orderValue=NaN', 400, 'orderValue', /is a number/],
  ['?orderValue=gt:null', 400, 'orderValue', /cannot take null/],
  ['?orderValue=between:1', 400, 'orderValue', /takes two values/],
  ['?fulfilled=yes', 400, 'fulfilled', /is true or false, not "yes"/],
  ['?limit=0', 400, 'limit', /whole number from 1 to 100/],
  ['?limit=101', 400, 'limit', /whole number from 1 to 100/],
  ['?limit=1&limit=2', 400, 'limit', /given twice/],
  ['?cursor=abc', 400, 'cursor', /damaged/],
  ['?orderBy=colour', 400, 'orderBy', /no order "colour"/],
  ['?orderBy=orderValue:up', 400, 'orderValue', /Valid orders: asc, desc/],
  ['?minPosition=orders', 400, undefined, /"orders", which is not of the form/],
  ['?minPosition=payments:0=1', 400, undefined, /topic "payments".*It reads: orders/],
  ['?minPosition=orders:2=1', 400, undefined, /partition 2 of "orders", which has 2/],
  ['?minPosition=orders:0=8&timeoutMs=1', 504, undefined, /did not reach the position within 1 ms/],
]

test('query strings that do not fit are refused with what is valid', async () => {
  for (const [path, status, field, detail] of refused) {
    const response = await get(path)
    const body = await bodyOf(response)
    assert.equal(response.status, status, `${path} ${JSON.stringify(body)}`)
    assert.equal(response.headers.get('content-type'), 'application/problem+json')
    assert.equal(body.field, field, path)
    assert.match(body.detail, detail, path)
  }
})

test('the position can be asked for by header', async () => {
  const response = await get('?timeoutMs=1', { 'X-Evert-Min-Position': 'orders:1=6' })
  assert.equal(response.status, 504)
})

test('fields whose names are taken are refused', () => {
  const other = new View<string, { limit: number }>('other')
  assert.throws(() => viewHandler(other, { fields: { limit: 'number' } }), { code: 'INVALID_ARGUMENT' })
})
