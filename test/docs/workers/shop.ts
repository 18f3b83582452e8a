import { app, json, string, topic } from 'evert'
import { z } from 'zod'

const Order = z.object({ customer: z.string(), price: z.number() })
export const orders = topic('orders', { key: string, value: json(Order), partitions: 4 })

export const shop = app('shop')
export const spent = shop
  .stream(orders)
  .groupBy(order => order.customer)
  .aggregate(
    () => 0,
    (sum, order) => sum + order.price,
  )
  .view('spent')
