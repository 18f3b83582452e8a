import { StreamsBuilder, json, string, topic } from 'evert'
import { z } from 'zod'

const Payment = z.object({ requestId: z.string(), cents: z.number() })
export const payments = topic('payments', { key: string, value: json(Payment) })
export const accepted = topic('accepted-payments', { key: string, value: json(Payment) })

export const builder = new StreamsBuilder()
builder
  .stream(payments)
  .deduplicate(payment => payment.requestId, { withinMs: 600_000, name: 'once' })
  .to(accepted)
