import { app, json, string, topic } from 'evert'
import { z } from 'zod'

const Order = z.object({
  customer: z.string(),
  deliveryLocation: z.string(),
  quantity: z.int().min(1),
  price: z.int(),
  fulfilled: z.boolean(),
})
const orders = topic('orders', { key: string, value: json(Order) })

const shop = app('shop')
const openOrders = shop
  .table(orders)
  .map(order => ({ ...order, orderValue: order.quantity * order.price }))
  .view('openOrders', { indexes: ['fulfilled', 'deliveryLocation', 'orderValue'] })

await using running = await shop.start({ cluster: process.argv[2] ?? 'file:./data/hello' })

const order = { customer: 'jo', deliveryLocation: 'CA', quantity: 3, price: 4950, fulfilled: false }
const { position } = await running.append(orders, 'order-1', order)

const where = { fulfilled: false, deliveryLocation: 'CA', orderValue: { gt: 100 } }
const { rows } = await openOrders.find(where, { minPosition: position })
console.log(rows)
