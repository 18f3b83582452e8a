import { StreamsBuilder, int64, joinTables, json, string, topic } from 'evert'
import { z } from 'zod'

const Order = z.object({ product: z.string() })
export const orders = topic('orders', { key: string, value: json(Order) })
export const payments = topic('payments', { key: string, value: int64 })
export const shipments = topic('shipments', { key: string, value: string })

export const builder = new StreamsBuilder()
export const overview = joinTables(
  {
    order: builder.table(orders),
    payment: builder.table(payments),
    shipment: builder.table(shipments),
  },
  ({ order, payment, shipment }) => ({ ...order, cents: payment, carrier: shipment }),
  { optional: ['shipment'] },
).view('overview')
