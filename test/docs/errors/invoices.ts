import { app, bytes, type ErrorPolicy, json, string, topic } from 'evert'
import { z } from 'zod'

const Order = z.object({ customer: z.string(), lines: z.array(z.string()) })
const Invoice = z.object({ customer: z.string(), text: z.string() })
export const orders = topic('orders', { key: string, value: json(Order) })
export const invoices = topic('invoices', {
  key: string,
  value: json(Invoice),
  configs: { 'max.message.bytes': '2000' },
})
/** Whatever did not decode or had no invoice, as it was read. */
export const refused = topic('refused-orders', { key: bytes, value: bytes })

export const invoicing = app('invoicing')
invoicing
  .stream(orders)
  .map(
    ({ customer, lines }) => {
      if (lines.length === 0) throw new RangeError('an order without lines')
      return { customer, text: lines.join('\n') }
    },
    { name: 'write', value: invoices.value },
  )
  .to(invoices, { name: 'invoices' })

export const onError: ErrorPolicy = {
  deserialization: { deadLetter: refused.name },
  processing: error => (error instanceof RangeError ? { deadLetter: refused.name } : 'fail'),
  production: 'skip',
}
