import { customerOf } from '../../harness/orders.ts'

/*
 * The inputs of all engines, as the plain values that a program has in hand. What each engine wants instead (changes
 * of multisets, encoded batches) it makes of them before it is measured. They come in batches of 1,000; within one
 * batch a key of a table is updated at most once, so that no engine has to put changes of one row in order.
 */

export const BATCH = 1_000

/** A row of a table of orders, or an order in a stream. */
export interface Order {
  readonly orderId: string
  readonly customerId: string
  readonly state: string
  readonly amount: number
}

export interface Customer {
  readonly customerId: string
  readonly name: string
  readonly discount: number
}

export interface Keyed<V> {
  readonly key: string
  readonly value: V
}

/** One batch of one input. */
export interface InputBatch<V> {
  readonly side: 'left' | 'right'
  readonly records: readonly Keyed<V>[]
}

const CUSTOMERS = 10_000
const STREAM_RECORDS = 500_000
const ORDERS = 20_000
/** So often every row of both joined tables changes. */
const TABLE_VERSIONS = 25
/** So often almost every order changes; and half as often, each customer. */
const ORDER_VERSIONS = 20

/** Orders keyed by their customer, in no order of customers. */
export function streamOfOrders(): InputBatch<Order>[] {
  const orders = Array.from({ length: STREAM_RECORDS }, (_, index) => {
    const customerId = customerOf(index, CUSTOMERS)
    return { key: customerId, value: orderOf(index, customerId, index % 100) }
  })
  return batchesOf('left', orders)
}

/** The customers, and then that stream. */
export function ordersOfCustomers(): InputBatch<Order | Customer>[] {
  return [...batchesOf('right', customerRows(0)), ...streamOfOrders()]
}

function customerRows(version: number): Keyed<Customer>[] {
  return Array.from({ length: CUSTOMERS }, (_, index) => {
    const customerId = `customer-${index}`
    return {
      key: customerId,
      value: { customerId, name: `name ${version}`, discount: (index + version) % 7 },
    }
  })
}

/** Two tables of one key, filled and then updated by turns. */
export function tableUpdates(): InputBatch<Customer>[] {
  const filled = batchesOf('left', customerRows(0)).concat(batchesOf('right', customerRows(1)))
  const updates: InputBatch<Customer>[] = []
  for (let version = 2; version < 2 + TABLE_VERSIONS; version++) {
    const left = batchesOf('left', scattered(customerRows(version)))
    const right = batchesOf('right', scattered(customerRows(version + 10)))
    left.forEach((batch, index) => updates.push(batch, right[index] as InputBatch<Customer>))
  }
  return [...filled, ...updates]
}

/** Customers, the orders that name them, and updates of both by turns: of orders nine times as many. */
export function foreignKeyUpdates(): InputBatch<Order | Customer>[] {
  const batches: InputBatch<Order | Customer>[] = [
    ...batchesOf('right', customerRows(0)),
    ...batchesOf('left', orderRows(0)),
  ]
  // Nine batches of orders, then one of customers.
  const customers = versions(ORDER_VERSIONS / 2).flatMap(version =>
    batchesOf<Order | Customer>('right', scattered(customerRows(version))),
  )
  const orders = versions(ORDER_VERSIONS).flatMap(version => batchesOf('left', scattered(orderRows(version))))
  orders.forEach((batch, index) => {
    batches.push(batch)
    if (index % 9 === 8) batches.push(customers[(index - 8) / 9] as InputBatch<Customer>)
  })
  return batches
}

function orderRows(version: number): Keyed<Order>[] {
  return Array.from({ length: ORDERS }, (_, index) => {
    // Every tenth order goes to another customer with each version.
    const customer = index % 10 === 0 ? (index + version * 77) % CUSTOMERS : index % CUSTOMERS
    const value = orderOf(index, `customer-${customer}`, version)
    return { key: value.orderId, value }
  })
}

function orderOf(index: number, customerId: string, amount: number): Order {
  return { orderId: `order-${index}`, customerId, state: 'CREATED', amount }
}

function batchesOf<V>(side: 'left' | 'right', records: readonly Keyed<V>[]): InputBatch<V>[] {
  const batches: InputBatch<V>[] = []
  for (let index = 0; index < records.length; index += BATCH) {
    batches.push({ side, records: records.slice(index, index + BATCH) })
  }
  return batches
}

function versions(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

/** The same records, neighbours far apart. */
function scattered<T>(records: readonly T[]): T[] {
  return records.map((_, index) => records[(index * 7_919) % records.length] as T)
}
