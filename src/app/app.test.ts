import assert from 'node:assert/strict'
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { deleteTopics } from '../client/admin.ts'
import type { Codec } from '../contracts/codec.ts'
import { int64, string } from '../contracts/codecs.ts'
import { covers, mergePositions } from '../contracts/position.ts'
import { topic } from '../contracts/topic.ts'
import { isEvertError } from '../errors.ts'
import { app } from './app.ts'
import { openCluster } from './open-cluster.ts'

interface Order {
  id: string
  customer: string
  quantity: number
  price: number
  fulfilled: boolean
}

const orderCodec: Codec<Order> = {
  name: 'order',
  encode: order => Buffer.from(JSON.stringify(order)),
  decode: bytes => JSON.parse(bytes.toString()) as Order,
}
const orders = topic('orders', { key: string, value: orderCodec, partitions: 3 })

function order(id: number, fields: Partial<Order> = {}): Order {
  return { id: `o${id}`, customer: `c${id % 3}`, quantity: id, price: 10, fulfilled: false, ...fields }
}

const newDirectory = () => mkdtempSync(join(tmpdir(), 'evert-app-'))

test('what was appended is read back from a view at its position', async () => {
  const shop = app('shop')
  const openOrders = shop
    .table(orders)
    .filter(order => !order.fulfilled)
    .view('openOrders', { indexes: ['customer'] })
  await using running = await shop.start({ cluster: 'memory:read-back' })
  const appended = await Promise.all(
    Array.from({ length: 20 }, (_, id) => running.append(orders, `o${id}`, order(id))),
  )
  const { position } = appended[19] ?? assert.fail()
  assert.deepEqual(await openOrders.get('o19', { minPosition: position }), order(19))
  const fulfilled = await running.append(orders, 'o19', order(19, { fulfilled: true }))
  assert.equal(await openOrders.get('o19', { minPosition: fulfilled.position }), undefined)
  for (const { position } of appended) await openOrders.find({}, { minPosition: position })
  const found = await openOrders.find({ customer: 'c1' }, { minPosition: fulfilled.position })
  assert.deepEqual(found.rows.map(({ key }) => key).toSorted(), ['o1', 'o10', 'o13', 'o16', 'o4', 'o7'])
})

test('an application on disk goes on after a restart, with its views', async () => {
  const directory = newDirectory()
  const url = `file:${directory}`
  const count = topic('count', { key: string, value: int64, partitions: 2 })
  for (const round of [1, 2, 3]) {
    const counting = app('counting')
    const totals = counting
      .stream(count)
      .groupByKey()
      .reduce((sum, each) => sum + each)
      .view('totals')
    await using running = await counting.start({ cluster: url })
    for (let i = 0; i < 10; i++) await running.append(count, `k${i % 2}`, 1)
    const { position } = await running.append(count, 'k0', 100)
    assert.equal(await totals.get('k0', { minPosition: position }), round * 105)
  }
  assert.ok(existsSync(join(directory, 'state', 'counting')))
})

test('several applications and clients of one process share one embedded log', async () => {
  const url = 'memory:shared'
  await using cluster = await openCluster(url)
  const upper = topic('upper', { key: string, value: string, partitions: 1 })
  const lower = topic('lower', { key: string, value: string, partitions: 1 })
  const first = app('first')
  first
    .stream(lower)
    .map(text => text.toUpperCase())
    .to(upper)
  const second = app('second')
  const rows = second.table(upper).view('rows')
  await using one = await first.start({ cluster: url })
  await using _two = await second.start({ cluster })
  await one.append(lower, 'a', 'text')
  // The second application's view is asked for what the first one writes: at offset 0 of its output.
  assert.equal(await rows.get('a', { minPosition: { upper: { 0: 1 } } }), 'TEXT')
})

test('a view answers NOT_READY before and after its application runs', async () => {
  const shop = app('early')
  const openOrders = shop.table(orders).view('openOrders')
  const notReady = (error: unknown) => isEvertError(error, 'NOT_READY')
  await assert.rejects(openOrders.get('x'), notReady)
  const running = await shop.start({ cluster: 'memory:early' })
  assert.equal(await openOrders.get('x'), undefined)
  await running.close()
  assert.equal(running.state, 'NOT_RUNNING')
  await assert.rejects(openOrders.get('x'), notReady)
})

test('an aborted signal closes the application', async () => {
  const controller = new AbortController()
  const shop = app('signalled')
  shop.table(orders).view('rows')
  const running = await shop.start({ cluster: 'memory:signal', signal: controller.signal })
  controller.abort()
  await running.whenEnded()
  assert.equal(running.state, 'NOT_RUNNING')
})

test('two instances need two state directories', async () => {
  const stateDir = newDirectory()
  const url = 'memory:two'
  await using _cluster = await openCluster(url)
  const build = () => {
    const shop = app('twice')
    shop.table(orders).view('rows')
    return shop
  }
  await using _one = await build().start({ cluster: url, stateDir })
  await assert.rejects(build().start({ cluster: url, stateDir }), error =>
    isEvertError(error, 'DIRECTORY_IN_USE'),
  )
})

test('a function that throws stops the application with TASK_FAILED, and nothing of its record is kept', async () => {
  const url = 'memory:failing'
  await using _cluster = await openCluster(url)
  const numbers = topic('numbers', { key: string, value: int64, partitions: 1 })
  const failures: Error[] = []
  const failing = app('failing')
  failing
    .stream(numbers)
    .map(n => {
      if (n === 3) throw new Error('three')
      return n
    })
    .groupByKey()
    .count()
    .view('counts')
  const running = await failing.start({ cluster: url, onFailure: error => failures.push(error) })
  for (const n of [1, 2, 3, 4]) await running.append(numbers, 'k', n)
  await running.whenEnded()
  assert.equal(running.state, 'ERROR')
  assert.ok(isEvertError(running.failure, 'TASK_FAILED'))
  assert.match(running.failure.message, /numbers-0, offset 2.*three/)
  assert.deepEqual(failures, [running.failure])
})

test('an application id that is no part of a topic name is refused', () => {
  for (const id of ['', '.', '..', 'a/b', '../up', 'a b']) {
    assert.throws(
      () => app(id),
      error => isEvertError(error, 'INVALID_TOPIC_NAME'),
    )
  }
})

test('a global table has views: all rows on each instance, indexed, at a position', async () => {
  const url = 'memory:global-views'
  await using _cluster = await openCluster(url)
  const clicks = topic('clicks', { key: string, value: string, partitions: 2 })
  const build = () => {
    const shop = app('global-views')
    const table = shop.globalTable(orders)
    shop
      .stream(clicks)
      .joinGlobal(
        table,
        id => id,
        (_, order) => order.customer,
      )
      .groupByKey()
      .count()
    return { shop, view: table.view('allOrders', { indexes: ['customer'] }) }
  }
  const [a, b] = [build(), build()]
  await using one = await a.shop.start({ cluster: url })
  await using _two = await b.shop.start({ cluster: url })
  const appended = await Promise.all(
    Array.from({ length: 20 }, (_, id) => one.append(orders, `o${id}`, order(id))),
  )
  const minPosition = mergePositions(...appended.map(({ position }) => position))
  for (const { view } of [a, b]) {
    assert.deepEqual(await view.get('o19', { minPosition }), order(19))
    const { rows, position } = await view.find({ customer: 'c1' }, { minPosition })
    assert.deepEqual(rows.map(({ key }) => key).toSorted(), ['o1', 'o10', 'o13', 'o16', 'o19', 'o4', 'o7'])
    assert.ok(covers(position, minPosition))
  }
  const { position } = await one.append(orders, 'o4', order(4, { customer: 'c2' }))
  const moved = await b.view.find({ customer: 'c1' }, { minPosition: position })
  assert.equal(moved.rows.length, 6)
  await assert.rejects(
    b.view.get('o1', { minPosition: { orders: { 3: 1 } } }),
    error =>
      isEvertError(error, 'INVALID_ARGUMENT') && /partition 3 of "orders", which has 3/.test(error.message),
  )
})

test('an index over a global table is emptied with it when the topic was made again', async () => {
  await using cluster = await openCluster('memory:global-index')
  const stateDir = newDirectory()
  const clicks = topic('clicks', { key: string, value: string, partitions: 1 })
  for (const customer of ['before', 'after']) {
    const shop = app('global-index')
    shop.stream(clicks).to(topic('seen', { key: string, value: string, partitions: 1 }))
    const view = shop.globalTable(orders).view('allOrders', { indexes: ['customer'] })
    await using running = await shop.start({ cluster, stateDir, store: 'lmdb' })
    const { position } = await running.append(orders, customer, order(1, { customer }))
    for (const asked of ['before', 'after']) {
      const { rows } = await view.find({ customer: asked }, { minPosition: position })
      assert.equal(rows.length, asked === customer ? 1 : 0, asked)
    }
    assert.equal((await view.find({ customer: { gt: '' } })).rows.length, 1)
    await running.close()
    await deleteTopics(cluster, [orders.name])
  }
})
