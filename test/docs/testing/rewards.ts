import { app, int64, json, string, topic } from 'evert'
import { z } from 'zod'

const Purchase = z.object({ customer: z.string(), cents: z.number() })
export const purchases = topic('purchases', { key: string, value: json(Purchase) })
export const points = topic('points', { key: string, value: int64 })
export const reminders = topic('reminders', { key: string, value: string })

export const rewards = app('rewards')
const byCustomer = rewards.stream(purchases).selectKey(purchase => purchase.customer)
byCustomer
  .groupByKey({ name: 'by-customer' })
  .aggregate(
    () => 0,
    (sum, purchase) => sum + Math.floor(purchase.cents / 100),
    { store: 'points', value: int64 },
  )
  .toStream()
  .to(points)
byCustomer
  .process({
    value: string,
    create: ({ schedule, forward }) => {
      schedule(86_400_000, 'wall', () => forward('everybody', 'Spend your points!'))
      return () => {}
    },
  })
  .to(reminders)
