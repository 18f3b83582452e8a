/** Rows of real applications have tens of fields, not hundreds: names come round again. */
const fields = 32

/**
 * A program of chained operators for the type checker: `operators` in chains of `perChain`. Most of them change the
 * type of the value or of the key, and each uses what the one before it made.
 */
export function chainedProgram(operators: number, perChain: number): string {
  const lines = [
    "import { app, int64, json, string, topic } from 'evert'",
    "import { z } from 'zod'",
    'const Order = z.object({ id: z.string(), customer: z.int(), price: z.int(), state: z.enum(["NEW", "SENT"]) })',
    "const orders = topic('orders', { key: string, value: json(Order) })",
    "const customers = topic('customers', { key: int64, value: json(z.object({ name: z.string() })) })",
    "const shop = app('shop')",
    'export const source = shop.stream(orders)',
    'export const customer = shop.table(customers)',
  ]
  for (let made = 0, chain = 0; made < operators; chain++) {
    const length = Math.min(perChain, operators - made)
    lines.push(`export const chain${chain} = source`)
    for (let at = 0; at < length; at++) lines.push(...operator(at, made + at))
    made += length
  }
  return `${lines.join('\n')}\n`
}

function operator(at: number, unique: number): string[] {
  const name = `field${unique % fields}`
  switch (at % 8) {
    case 0:
      return [`  .map((value, key) => ({ ...value, ${name}: key }))`]
    case 1:
      return ['  .filter((value, key) => value.price > 0 && key.length > 0)']
    case 2:
      return ['  .selectKey(value => value.customer, { key: int64 })']
    case 3:
      return [`  .join(customer, (order, row, key) => ({ ...order, ${name}: row.name + key.toFixed() }))`]
    case 4:
      return ['  .groupByKey()']
    case 5:
      return [`  .reduce((one, other) => (one.price > other.price ? one : other))`]
    case 6:
      return ['  .toStream()']
    default:
      return ['  .selectKey(value => value.id)']
  }
}
