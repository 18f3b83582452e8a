import { type Codec, json, string, topic } from 'evert'

/*
 * About 120 bytes as JSON. Numbers are whole, and fields are written in the order that they have here, so that both
 * engines write the same bytes.
 */
export interface Order {
  readonly orderId: string
  readonly customerId: string
  readonly product: string
  readonly quantity: number
  readonly price: number
  readonly state: string
}

export interface Customer {
  readonly name: string
  readonly level: string
}

export interface Payment {
  readonly paymentId: string
  readonly amount: number
}

export const PARTITIONS = 4
export const MINUTE_MS = 60_000
export const WITHIN_MS = 30_000

/** JSON without a schema: what is measured is not the schema's library, and Java's side has none. */
export const jsonOf = <T>() => json() as unknown as Codec<T>

const inputOf = <T>(name: string) => topic(name, { key: string, value: jsonOf<T>(), partitions: PARTITIONS })

/** By customer. */
export const orders = inputOf<Order>('orders')
/** By customer; older than all orders. */
export const customers = inputOf<Customer>('customers')
export const ordersById = inputOf<Order>('orders-by-id')
/** By order, 5 s after it. */
export const payments = inputOf<Payment>('payments')

/** What each work reads. */
export const inputsOf: Readonly<Record<string, readonly string[]>> = {
  'filter-map': ['orders'],
  count: ['orders'],
  'windowed-count': ['orders'],
  're-key-sum': ['orders'],
  'stream-table-join': ['customers', 'orders'],
  'stream-stream-join': ['orders-by-id', 'payments'],
}
