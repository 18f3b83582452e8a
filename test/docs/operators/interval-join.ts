import { StreamsBuilder, string, topic } from 'evert'

export const logins = topic('logins', { key: string, value: string })
export const purchases = topic('purchases', { key: string, value: string })
export const hasty = topic('hasty-purchases', { key: string, value: string })

export const builder = new StreamsBuilder()
// A purchase from 1 to 10 seconds after a login.
builder
  .stream(logins)
  .join(builder.stream(purchases), (device, product) => `${product} from ${device}`, {
    within: { beforeMs: -1_000, afterMs: 10_000, graceMs: 5_000 },
  })
  .to(hasty)
