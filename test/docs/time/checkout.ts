import { app, json, keyedTimers, string, topic, tumbling } from 'evert'
import { z } from 'zod'

const MINUTE = 60_000
const Order = z.object({
  state: z.enum(['placed', 'paid']),
  shop: z.string(),
  amount: z.number(),
  atMs: z.number(),
})
const Sum = z.object({ shop: z.string(), minute: z.iso.datetime(), amount: z.number() })
export const orders = topic('orders', { key: string, value: json(Order) })
export const lateOrders = topic('late-orders', { key: string, value: json(Order) })
export const sums = topic('sums', { key: string, value: json(Sum) })
export const unpaidOrders = topic('unpaid-orders', { key: string, value: json(Order) })

export const checkout = app('checkout')
const changes = checkout.stream(orders, { timestamp: order => order.atMs })

// What each shop was paid in each minute: once, when it is final.
changes
  .filter(order => order.state === 'paid')
  .groupBy(order => order.shop, { name: 'by-shop' })
  .windowedBy(tumbling({ sizeMs: MINUTE, graceMs: 10_000 }), {
    emit: 'onWindowClose',
    closeWhenIdleMs: MINUTE,
    lateTo: lateOrders,
  })
  .aggregate(
    () => 0,
    (sum, order) => sum + order.amount,
    { name: 'paid', store: 'paid' },
  )
  .toStream()
  .map((amount, { key, start }) => ({ shop: key, minute: new Date(start).toISOString(), amount }), {
    value: sums.value,
  })
  .selectKey(sum => sum.shop)
  .to(sums)

// Orders that are not paid within half an hour.
const deadlines = keyedTimers('deadlines', { key: string, payload: orders.value })
changes
  .process({
    stores: { deadlines },
    create: ({ stores, forward }) => {
      stores.deadlines.onTimer((id, _atMs, order) => forward(id, order))
      return (order, id, { timestamp }) => {
        if (order.state === 'placed') stores.deadlines.set(id, timestamp + 30 * MINUTE, order)
        else stores.deadlines.delete(id)
      }
    },
  })
  .to(unpaidOrders)
