/** Right uses of views, and wrong ones that the compiler must refuse. Checked by `npm run types`, never run. */
import { View } from './view.ts'

interface Order {
  id: string
  state: 'CREATED' | 'FAILED'
  fulfilled: boolean
  orderValue: number
  note?: string
  shippedAt: number | null
  lines: { sku: string }[]
}

const view = new View<string, Order>('orders', { indexes: ['fulfilled', 'orderValue', 'note', 'shippedAt'] })

// @ts-expect-error: an array has no index
export const indexOfArray = new View<string, Order>('orders', { indexes: ['lines'] })
// @ts-expect-error: no such field
export const indexOfNothing = new View<string, Order>('orders', { indexes: ['colour'] })

export async function queries(): Promise<string> {
  await view.find(
    { fulfilled: false, state: 'CREATED', orderValue: { gt: 100 } },
    { orderBy: { id: 'desc' } },
  )
  await view.find({ orderValue: { between: [1, 2] }, note: { in: ['a', null] }, shippedAt: null })
  await view.find({ note: null })

  // @ts-expect-error: no such field
  await view.find({ colour: 'red' })
  // @ts-expect-error: an array cannot be filtered
  await view.find({ lines: [] })
  // @ts-expect-error: another type
  await view.find({ orderValue: '100' })
  // @ts-expect-error: another type in an operator
  await view.find({ orderValue: { gt: '100' } })
  // @ts-expect-error: not one of the states
  await view.find({ state: 'SHIPPED' })
  // @ts-expect-error: no such operator
  await view.find({ orderValue: { near: 100 } })
  // @ts-expect-error: a field that is always there is never null
  await view.find({ orderValue: null })
  // @ts-expect-error: null has no order
  await view.find({ shippedAt: { gt: null } })
  // @ts-expect-error: one end is missing
  await view.find({ orderValue: { between: [1] } })
  // @ts-expect-error: an order is asc or desc
  await view.find({}, { orderBy: { orderValue: 'up' } })
  // @ts-expect-error: the key is a string
  await view.get(5)

  const order = await view.get('1')
  const { rows } = await view.find()
  // @ts-expect-error: the order may not be there
  return rows[0]?.value.state ?? order.state
}
