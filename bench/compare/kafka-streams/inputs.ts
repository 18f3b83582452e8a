import { type Cluster, createTopics, Producer } from 'evert/client'
import { customerOf, START_MS } from '../../harness/orders.ts'
import { type Customer, customers, type Order, orders, ordersById, PARTITIONS, payments } from './topics.ts'

const CUSTOMERS = 100_000
const PRODUCTS = 100
/** The event time of one order to the next: a window of a minute has 60,000 of them. */
const EVERY_MS = 1
const PAID_AFTER_MS = 5_000

/** The input of all works, with `count` orders; the same bytes whoever reads them. */
export async function writeInputs(cluster: Cluster, count: number): Promise<void> {
  const topics = [orders, customers, ordersById, payments]
  const configs = { 'retention.ms': '-1', 'message.timestamp.type': 'CreateTime' }
  await createTopics(
    cluster,
    topics.map(({ name }) => ({ name, partitions: PARTITIONS, replicationFactor: 1, configs })),
  )
  await using producer = new Producer(cluster)
  const append = async (index: number, topic: string, key: string, timestamp: number, value: object) => {
    producer.append(topic, undefined, timestamp, Buffer.from(key), Buffer.from(JSON.stringify(value)), [])
    if (index % 1000 === 999 && producer.isFull) await producer.drained()
  }
  for (let index = 0; index < CUSTOMERS; index++) {
    const customer: Customer = {
      name: `Customer number ${index}`,
      level: index % 7 === 0 ? 'gold' : 'bronze',
    }
    await append(index, customers.name, `customer-${index}`, START_MS - 1, customer)
  }
  for (let index = 0; index < count; index++) {
    const order = orderOf(index)
    await append(index, orders.name, order.customerId, START_MS + index * EVERY_MS, order)
  }
  for (let index = 0; index < count; index++) {
    const order = orderOf(index)
    const amount = order.quantity * order.price
    const placedMs = START_MS + index * EVERY_MS
    await append(index, ordersById.name, order.orderId, placedMs, order)
    await append(index, payments.name, order.orderId, placedMs + PAID_AFTER_MS, {
      paymentId: `payment-${index}`,
      amount,
    })
  }
  await producer.flush()
}

export function orderOf(index: number): Order {
  return {
    orderId: `order-${index}`,
    customerId: customerOf(index, CUSTOMERS),
    product: `product-${(index * 31) % PRODUCTS}`,
    quantity: index % 10,
    price: 100 + (index % 900),
    state: 'CREATED',
  }
}
