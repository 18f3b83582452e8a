import { StreamsBuilder, string, topic } from 'evert'
import { recordBatches } from 'evert/testing'
import { engineCase } from '../harness/engine-case.ts'
import { orderJson, orderOf, START_MS, text } from '../harness/orders.ts'

const ORDERS = 100_000
const CUSTOMERS = 10_000

const orders = topic('orders', { key: string, value: orderJson })

export const benchmark = engineCase({
  description:
    '100 k orders (JSON, 100 bytes) joined with the row of their customer (10 k, filled before), then 10 k customers ' +
    'changed, each joined with its 10 orders; every result written; internal topics included',
  build() {
    const builder = new StreamsBuilder()
    builder
      .table(orders)
      .joinByForeignKey(
        builder.table(text('customers')),
        order => order.customerId,
        (order, name) => `${order.orderId} of ${name}`,
        { value: string },
      )
      .toStream()
      .to(text('joined'))
    return builder
  },
  before: () => [customers('name', -CUSTOMERS)],
  inputs() {
    const records = Array.from({ length: ORDERS }, (_, index) => {
      const value = orderOf(index, CUSTOMERS)
      return { key: value.orderId, value, timestamp: START_MS + index }
    })
    return [[orders, recordBatches(orders, records)]]
  },
  lastInputs: () => [customers('new name', ORDERS)],
  outputs: { joined: 2 * ORDERS },
})

function customers(name: string, afterMs: number) {
  const rows = Array.from({ length: CUSTOMERS }, (_, index) => ({
    key: `customer-${index}`,
    value: `${name} of ${index}`,
    timestamp: START_MS + afterMs + index,
  }))
  return [text('customers'), recordBatches(text('customers'), rows)] as const
}
