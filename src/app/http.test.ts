import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { z } from 'zod'
import { int32, string } from '../contracts/codecs.ts'
import { json } from '../contracts/json.ts'
import { formatPosition, mergePositions, type Position } from '../contracts/position.ts'
import { topic } from '../contracts/topic.ts'
import { isEvertError } from '../errors.ts'
import { Producer } from '../client/producer.ts'
import { serve } from '../service/serve.ts'
import { Application } from '../streams/runtime/application.ts'
import { MemoryEngine } from '../streams/state/memory.ts'
import { app } from './app.ts'
import { applicationRoutes } from './application-routes.ts'
import { openCluster } from './open-cluster.ts'

const Order = z.object({ customer: z.string(), fulfilled: z.boolean(), value: z.number() })
const Stock = z.object({ left: z.number() })
type Order = z.infer<typeof Order>

const orders = topic('orders', { key: string, value: json(Order), partitions: 3 })
const stock = topic('stock', { key: int32, value: json(Stock), partitions: 2 })

function shopWithViews(id: string) {
  const shop = app(id)
  shop.table(orders).view('orders', { indexes: ['value'], fields: ['fulfilled', 'customer'] })
  shop.table(stock).view('stock')
  return shop
}

const ORDERS: Readonly<Record<string, Order>> = {
  o1: { customer: '7', fulfilled: false, value: 50 },
  o2: { customer: '7', fulfilled: false, value: 150 },
  'a/b ü': { customer: 'true', fulfilled: true, value: 250 },
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

async function get(url: string): Promise<Answer> {
  const response = await fetch(url)
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  }
}

const keysOf = ({ body }: Answer) => (body['rows'] as { key: string }[]).map(({ key }) => key)

test('the views of an application are read over HTTP', async t => {
  await using running = await shopWithViews('http-views').start({
    cluster: 'memory:http-views',
    http: { port: 0 },
  })
  const { url } = running.http
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
  const positions: Position[] = []
  for (const [id, order] of Object.entries(ORDERS)) {
    positions.push((await running.append(orders, id, order)).position)
  }
  const { position: ofStock } = await running.append(stock, 12, { left: 3 })
  const views = `${url}/views/orders`
  const written = encodeURIComponent(formatPosition(mergePositions(...positions)))
  assert.deepEqual(
    keysOf(await get(`${views}?minPosition=${written}`)).toSorted(),
    Object.keys(ORDERS).toSorted(),
  )

  /** A query string and the keys of the rows it finds. */
  const found: [query: string, keys: string[]][] = [
    ['', ['a/b ü', 'o1', 'o2']],
    ['?fulfilled=false', ['o1', 'o2']],
    ['?fulfilled=false&value=100&operator=GreaterThan', ['o2']],
    ['?value=gte:150', ['a/b ü', 'o2']],
    ['?value=50', ['o1']],
    // A text that looks like a number, or like a boolean.
    ['?customer=7', ['o1', 'o2']],
    ['?customer=true', ['a/b ü']],
    ['?customer=%22true%22', ['a/b ü']],
    ['?customer=true,7&customer.operator=In', ['a/b ü', 'o1', 'o2']],
    ['?value=%2250%22', []],
    ['?orderBy=value:desc&limit=2', ['a/b ü', 'o2']],
  ]
  for (const [query, keys] of found) {
    await t.test(query, async () => {
      const answer = await get(views + query)
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
      assert.deepEqual(query.includes('orderBy') ? keysOf(answer) : keysOf(answer).toSorted(), keys)
      assert.ok(answer.headers.has('x-evert-position'))
    })
  }

  for (const [id, order] of Object.entries(ORDERS)) {
    assert.deepEqual((await get(`${views}/${encodeURIComponent(id)}`)).body, order)
  }
  const minPosition = encodeURIComponent(formatPosition(ofStock))
  assert.deepEqual((await get(`${url}/views/stock/12?minPosition=${minPosition}`)).body, { left: 3 })
  assert.equal((await get(`${url}/views/stock/13`)).status, 404)
})

test('what is wrong with a request is said', async t => {
  await using running = await shopWithViews('http-wrong').start({
    cluster: 'memory:http-wrong',
    http: { port: 0 },
  })
  const { url } = running.http
  const wrong: [path: string, status: number, detail: RegExp][] = [
    ['/views/order', 404, /no view "order"\. Views: orders, stock\./],
    ['/views/order/1', 404, /no view "order"\. Views: orders, stock\./],
    ['/views/__proto__', 404, /no view "__proto__"/],
    ['/views', 404, /nothing at \/views/],
    ['/views/orders?price=1', 400, /no parameter "price"\. Valid fields: value, fulfilled, customer;/],
    ['/views/stock?left=1', 400, /Valid fields: none;/],
    ['/views/orders?limit=0', 400, /whole number from 1/],
    ['/views/stock/twelve', 400, /"twelve" is not JSON/],
    ['/views/stock/true', 400, /"true" is not a number/],
    ['/views/stock/1.5', 400, /1\.5/],
  ]
  for (const [path, status, detail] of wrong) {
    await t.test(path, async () => {
      const answer = await get(url + path)
      assert.equal(answer.status, status)
      assert.equal(answer.headers.get('content-type'), 'application/problem+json')
      assert.match(String(answer.body['detail']), detail)
    })
  }
  const posted = await fetch(`${url}/views/orders`, { method: 'POST', body: '{}' })
  assert.equal(posted.status, 405)
})

test('health follows the application', async () => {
  await using cluster = await openCluster('memory:http-health')
  const numbers = topic('numbers', { key: string, value: string, partitions: 1 })
  const failing = app('http-health')
  failing.stream(numbers).peek(text => {
    if (text === 'bad') throw new Error('it is bad')
  })
  const topology = failing.topology()
  const application = new Application({ topology, cluster, engine: new MemoryEngine() })
  await using server = await serve(applicationRoutes(topology, application).fetch, { port: 0 })
  const health = async (which: string) => {
    const { status, body } = await get(`${server.url}/health/${which}`)
    return [status, body['detail'] ?? body['status']]
  }
  assert.deepEqual(await health('live'), [200, 'live'])
  assert.deepEqual(await health('ready'), [503, 'The application is CREATED: it answers when its tasks run.'])
  assert.equal((await health('startup'))[0], 503)
  await application.start()
  await application.whenRunning()
  assert.deepEqual(await health('live'), [200, 'live'])
  assert.deepEqual(await health('ready'), [200, 'ready'])
  assert.deepEqual(await health('startup'), [200, 'started'])
  const { body } = await get(`${server.url}/health/ready`)
  assert.deepEqual(body, { status: 'ready', state: 'RUNNING', restoredPercent: 100, lag: 0 })

  await using producer = new Producer(cluster)
  await producer.send({
    topic: 'numbers',
    timestamp: 1,
    key: null,
    value: Buffer.from('bad'),
    headers: [],
  })
  await application.whenEnded()
  for (const which of ['live', 'ready']) {
    const [status, detail] = await health(which)
    assert.equal(status, 503)
    assert.match(String(detail), /The application stopped: .*it is bad/)
  }
  // It did start.
  assert.deepEqual(await health('startup'), [200, 'started'])
})

test('a port that is taken is said before anything starts', async () => {
  const taken = createServer()
  await new Promise<void>(resolve => {
    taken.listen(0, '127.0.0.1', resolve)
  })
  const { port } = taken.address() as { port: number }
  await using cluster = await openCluster('memory:http-taken')
  await assert.rejects(
    shopWithViews('http-taken').start({ cluster, http: { port } }),
    error =>
      isEvertError(error, 'CONNECTION') && error.message.includes(`Port ${port} on 127.0.0.1 is in use`),
  )
  await new Promise(resolve => {
    taken.close(resolve)
  })
  // The same application starts where a port is free, and leaves it when it is closed.
  const running = await shopWithViews('http-taken').start({ cluster, http: { port } })
  assert.equal(running.http.port, port)
  await running.close()
  await assert.rejects(
    new Promise((resolve, reject) => {
      connect(port, '127.0.0.1').once('connect', resolve).once('error', reject)
    }),
    { code: 'ECONNREFUSED' },
  )
})

test('an application that is not served has no URL', async () => {
  await using running = await shopWithViews('http-none').start({ cluster: 'memory:http-none' })
  assert.throws(
    () => running.http,
    error => isEvertError(error, 'INVALID_ARGUMENT'),
  )
})
