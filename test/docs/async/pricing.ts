import { app, json, string, topic } from 'evert'
import { z } from 'zod'

const Order = z.object({ product: z.string(), quantity: z.int() })
const PricedOrder = Order.extend({ price: z.number() })
export const orders = topic('orders', { key: string, value: json(Order) })
export const pricedOrders = topic('priced-orders', { key: string, value: json(PricedOrder) })

export function pricing(priceOf: (product: string, signal: AbortSignal) => Promise<number>) {
  const pricing = app('pricing')
  pricing
    .stream(orders)
    .mapAsync(async (order, _id, { signal }) => ({ ...order, price: await priceOf(order.product, signal) }), {
      name: 'price',
      concurrency: 32,
      timeoutMs: 5_000,
      retries: 3,
      value: pricedOrders.value,
    })
    .to(pricedOrders)
  return pricing
}
