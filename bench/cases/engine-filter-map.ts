import { StreamsBuilder, string, topic } from 'evert'
import { recordBatches } from 'evert/testing'
import { engineCase } from '../harness/engine-case.ts'
import { orderJson, orderOf, START_MS } from '../harness/orders.ts'

const RECORDS = 500_000

const orders = topic('orders', { key: string, value: orderJson })
const totals = topic('totals', { key: string, value: orderJson })

export const benchmark = engineCase({
  description:
    '500 k orders (JSON, 100 bytes): half of them filtered out, the others mapped and written; no state',
  build() {
    const builder = new StreamsBuilder()
    builder
      .stream(orders)
      .filter(order => order.quantity >= 5)
      .map(order => ({ ...order, price: order.price * order.quantity }), { value: orderJson })
      .to(totals)
    return builder
  },
  inputs() {
    const records = Array.from({ length: RECORDS }, (_, index) => {
      const value = orderOf(index, 10_000)
      return { key: value.orderId, value, timestamp: START_MS + index }
    })
    return [[orders, recordBatches(orders, records)]]
  },
  outputs: { totals: RECORDS / 2 },
})
