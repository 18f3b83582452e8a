import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Cluster, openCluster } from 'evert'
import { Producer, readTopic } from 'evert/client'
import { type Order, orders, orderValidations, unreadable } from './contracts.ts'
import { openingStock } from './generate/catalogue.ts'
import { openShop, type Shop } from './shop.ts'

function newDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'evert-shop-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}

async function startShop(cluster: Cluster, stateDir: string): Promise<Shop> {
  const shop = await openShop({
    cluster,
    stateDir,
    onFailure: (service, cause) => {
      throw new Error(service, { cause })
    },
  })
  await shop.target.stock(openingStock)
  return shop
}

const mugs = { customerId: 7, deliveryLocation: 'CA', product: 'JUMPERS', quantity: 3, price: 50 }

function post(shop: Shop, body: unknown, key?: string): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) }
  return shop.api.fetch(
    new Request('http://shop/v1/orders', { method: 'POST', headers, body: JSON.stringify(body) }),
  )
}

function get(shop: Shop, path: string): Promise<Response> {
  return shop.api.fetch(new Request(`http://shop${path}`))
}

async function eventsOf(cluster: Cluster, id: string): Promise<string[]> {
  const states: string[] = []
  for await (const { batches } of readTopic(cluster, orders.name)) {
    for (const batch of batches) {
      const records = batch.records()
      for (let i = 0; i < records.count; i++) {
        const value = records.value(i)
        if (records.key(i)?.toString() === id && value !== null) states.push(orders.value.decode(value).state)
      }
    }
  }
  return states
}

test('an order goes from HTTP through all services into the view, once', async t => {
  await using cluster = await openCluster('memory:shop-test')
  await using shop = await startShop(cluster, newDirectory(t))

  const created = await post(shop, mugs, 'key-1')
  assert.equal(created.status, 201)
  const order = (await created.json()) as Order
  assert.equal(created.headers.get('location'), `/v1/orders/${order.id}`)
  const position = encodeURIComponent(created.headers.get('x-evert-position') ?? '')

  const validated = await get(shop, `/v1/orders/${order.id}/validated?timeout=10000`)
  assert.deepEqual([validated.status, await validated.json()], [200, { ...order, state: 'VALIDATED' }])
  const again = await get(shop, `/v1/orders/${order.id}?minPosition=${position}`)
  assert.equal(again.status, 200)

  const question = (value: number) =>
    `/v1/orders?fulfilled=false&deliveryLocation=CA&orderValue=${value}&operator=GreaterThan&minPosition=${position}`
  const idsAbove = async (value: number) => {
    const { rows } = (await (await get(shop, question(value))).json()) as { rows: { key: string }[] }
    return rows.map(({ key }) => key)
  }
  assert.deepEqual(await idsAbove(149), [order.id])
  assert.deepEqual(await idsAbove(150), [])

  const repeated = await post(shop, mugs, 'key-1')
  assert.deepEqual([repeated.status, await repeated.json()], [201, order])
  const reused = await post(shop, { ...mugs, quantity: 4 }, 'key-1')
  assert.equal(reused.status, 422)
  assert.equal(((await reused.json()) as { title: string }).title, 'Unprocessable Content')
  assert.deepEqual(await eventsOf(cluster, order.id), ['CREATED', 'VALIDATED'])
})

test('orders that cannot be had fail with the reasons', async t => {
  await using cluster = await openCluster('memory:shop-test')
  await using shop = await startShop(cluster, newDirectory(t))
  const cases: [body: object, reason: RegExp][] = [
    [{ ...mugs, product: 'SLIPPERS' }, /SLIPPERS: 3 wanted, 0 free/],
    [{ ...mugs, quantity: 0 }, /JUMPERS: (the quantity 0 is below 1|0 pieces cannot be reserved)/],
    [{ ...mugs, product: 'UNICORNS' }, /UNICORNS: (no such product|not in the warehouse)/],
  ]
  for (const [body, reason] of cases) {
    const { id } = (await (await post(shop, body)).json()) as Order
    const order = (await (await get(shop, `/v1/orders/${id}/validated?timeout=10000`)).json()) as Order
    assert.equal(order.state, 'FAILED')
    assert.match(order.reasons.join(), reason)
    assert.deepEqual(await eventsOf(cluster, id), ['CREATED', 'FAILED'])
  }
})

test('an order that is not there is 404 at once and 504 after a wait; a bad query is 400', async t => {
  await using cluster = await openCluster('memory:shop-test')
  await using shop = await startShop(cluster, newDirectory(t))
  const cases: [path: string, status: number, detail: RegExp][] = [
    ['/v1/orders/nope', 404, /no order "nope"/],
    [
      '/v1/orders/nope/validated?timeout=50',
      504,
      /no row "nope" within 50 ms\. Ask again, or allow more time/,
    ],
    ['/v1/orders?colour=red', 400, /"colour".*Valid fields: id, customerId, deliveryLocation/],
    ['/v1/orders?orderValue=1&operator=Bigger', 400, /"Bigger".*Equals, NotEquals, GreaterThan/],
    ['/v1/orders?orderValue=much', 400, /"orderValue" is a number/],
    ['/v1/orders?fulfilled=perhaps', 400, /"fulfilled" is true or false/],
    ['/v1/stock/UNICORNS', 404, /UNICORNS/],
  ]
  for (const [path, status, detail] of cases) {
    const response = await get(shop, path)
    assert.equal(response.status, status, path)
    assert.match(((await response.json()) as { detail: string }).detail, detail)
  }
})

test('a record that nobody can read is kept aside, and the shop goes on', async t => {
  await using cluster = await openCluster('memory:shop-test')
  await using shop = await startShop(cluster, newDirectory(t))
  await using producer = new Producer(cluster)
  await producer.send({ topic: orderValidations.name, key: Buffer.from('x'), value: Buffer.from('garbage') })

  const { id } = (await (await post(shop, mugs)).json()) as Order
  assert.equal((await get(shop, `/v1/orders/${id}/validated?timeout=10000`)).status, 200)
  const kept: (string | undefined)[] = []
  for await (const { batches } of readTopic(cluster, unreadable.name, { to: 'never' })) {
    for (const batch of batches) kept.push(batch.records().value(0)?.toString())
    if (kept.length > 0) break
  }
  assert.deepEqual(kept, ['garbage'])
})

test('the same key is the same order after a restart', async t => {
  const directory = newDirectory(t)
  const stateDir = join(directory, 'state')
  const url = `file:${join(directory, 'log')}`
  const answers: unknown[] = []
  for (let start = 0; start < 2; start++) {
    await using cluster = await openCluster(url)
    await using shop = await startShop(cluster, stateDir)
    const response = await post(shop, mugs, 'key-1')
    const order = (await response.json()) as Order
    answers.push([response.status, order])
    await get(shop, `/v1/orders/${order.id}/validated?timeout=10000`)
    assert.deepEqual(await eventsOf(cluster, order.id), ['CREATED', 'VALIDATED'])
  }
  assert.deepEqual(answers[0], answers[1])
})
