import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { readTopic } from '../../src/client/index.ts'
import {
  app,
  type Cluster,
  json,
  mergePositions,
  openCluster,
  StreamsBuilder,
  string,
  topic,
} from '../../src/index.ts'
import { testDriver } from '../../src/testing/index.ts'
import { sendAll } from './pairs.ts'

const Customer = z.object({ name: z.string(), region: z.string() })
const Product = z.object({ name: z.string(), price: z.number() })
const Order = z.object({ customerId: z.string(), productId: z.string(), placedAtMs: z.number() })
const Enriched = z.object({ customer: Customer, product: Product, order: Order })

const customers = topic('customer', { key: string, value: json(Customer), partitions: 3 })
const products = topic('product', { key: string, value: json(Product), partitions: 2 })
const orders = topic('order', { key: string, value: json(Order), partitions: 4 })
const enriched = topic('enriched-order', { key: string, value: json(Enriched), partitions: 4 })

const customer = (id: number) => ({ name: `customer ${id}`, region: `region ${id % 7}` })
const product = (id: number) => ({ name: `product ${id}`, price: 10 + id })
const order = (id: number) => ({
  customerId: String((id * 37) % 100),
  productId: String((id * 59) % 100),
  placedAtMs: 1_000 * id,
})
const enrichedOrder = (id: number) => ({
  customer: customer(Number(order(id).customerId)),
  product: product(Number(order(id).productId)),
  order: order(id),
})
const many = (count: number) => Array.from({ length: count }, (_, id) => id)

function enriching<B extends Pick<StreamsBuilder, 'stream' | 'globalTable'>>(builder: B) {
  const allCustomers = builder.globalTable(customers, { store: 'customer-store' })
  const allProducts = builder.globalTable(products, { store: 'product-store' })
  const CustomerOrder = Enriched.pick({ customer: true, order: true })
  builder
    .stream(orders)
    .joinGlobal(
      allCustomers,
      ({ customerId }) => customerId,
      (order, customer) => ({ customer, order }),
      { value: json(CustomerOrder) },
    )
    .joinGlobal(
      allProducts,
      ({ order }) => order.productId,
      (customerOrder, product) => ({ ...customerOrder, product }),
      { value: json(Enriched) },
    )
    .to(enriched)
  return { builder, allCustomers, allProducts }
}

test('every order is enriched with its customer and its product', () => {
  const driver = testDriver(enriching(new StreamsBuilder()).builder)
  sendAll(
    driver,
    customers,
    many(100).map(id => [String(id), customer(id)]),
  )
  sendAll(
    driver,
    products,
    many(100).map(id => [String(id), product(id)]),
  )
  sendAll(
    driver,
    orders,
    many(50).map(id => [String(id), order(id)]),
  )
  assert.deepEqual(
    driver.read(enriched).map(({ key, value }) => [key, value]),
    many(50).map(id => [String(id), enrichedOrder(id)]),
  )
  assert.equal(driver.rows('customer-store').length, 100)
  assert.equal(driver.rows('product-store').length, 100)
})

test('both of two instances hold all customers and all products, and all orders are enriched', async () => {
  const url = 'memory:enriching'
  await using cluster = await openCluster(url)
  const instance = () => {
    const { builder, allCustomers, allProducts } = enriching(app('enriching'))
    return {
      application: builder,
      customers: allCustomers.view('customers'),
      products: allProducts.view('products'),
    }
  }
  const [one, two] = [instance(), instance()]
  await using running = await one.application.start({ cluster: url })
  await using _second = await two.application.start({ cluster: url })
  const appended = await Promise.all([
    ...many(100).map(id => running.append(customers, String(id), customer(id))),
    ...many(100).map(id => running.append(products, String(id), product(id))),
  ])
  const minPosition = mergePositions(...appended.map(({ position }) => position))
  for (const { customers, products } of [one, two]) {
    const limit = 1_000
    const { customer: ofCustomers, product: ofProducts } = minPosition
    const all = await Promise.all([
      customers.find({}, { limit, minPosition: { customer: ofCustomers ?? {} } }),
      products.find({}, { limit, minPosition: { product: ofProducts ?? {} } }),
    ])
    assert.deepEqual(
      all.map(({ rows }) => rows.length),
      [100, 100],
    )
    assert.deepEqual(await products.get('99', { minPosition: { product: ofProducts ?? {} } }), product(99))
  }
  await Promise.all(many(50).map(id => running.append(orders, String(id), order(id))))
  let written: [string, unknown][] = []
  while (written.length < 50) {
    await new Promise(resolve => setTimeout(resolve, 10))
    written = await enrichedOrders(cluster)
  }
  assert.deepEqual(
    written,
    many(50).map(id => [String(id), enrichedOrder(id)]),
  )
})

async function enrichedOrders(cluster: Cluster): Promise<[string, unknown][]> {
  const rows: [string, unknown][] = []
  for await (const { batches } of readTopic(cluster, enriched.name)) {
    for (const batch of batches) {
      const records = batch.records()
      for (let i = 0; i < records.count; i++) {
        const [key, value] = [records.key(i) ?? assert.fail(), records.value(i) ?? assert.fail()]
        rows.push([enriched.key.decode(key), enriched.value.decode(value)])
      }
    }
  }
  return rows.toSorted(([a], [b]) => Number(a) - Number(b))
}
