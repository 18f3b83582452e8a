/** What a client may post: an order of several lines, or the product, quantity and price of the only one. */
import { z } from 'zod'
import { Line, MAX_LINES, PlaceOrder } from './contracts.ts'

const common = {
  customerId: PlaceOrder.shape.customerId,
  deliveryLocation: PlaceOrder.shape.deliveryLocation,
  state: z
    .literal(
      'CREATED',
      'every order starts as "CREATED", and the checks decide what comes next; leave it out',
    )
    .optional(),
}

const OneLine = exactly({ ...common, ...Line.shape }).transform(
  ({ customerId, deliveryLocation, product, quantity, price }): PlaceOrder => ({
    customerId: noMinusZero(customerId),
    deliveryLocation,
    lines: [plainLine({ product, quantity, price })],
  }),
)

const SeveralLines = exactly({
  ...common,
  lines: z.array(exactly(Line.shape)).min(1).max(MAX_LINES),
}).transform(
  ({ customerId, deliveryLocation, lines }): PlaceOrder => ({
    customerId: noMinusZero(customerId),
    deliveryLocation,
    lines: lines.map(plainLine),
  }),
)

/** The faults are those of the form that was meant: a body with a product is of one line. */
export const PostedOrder = z.unknown().transform((body, context): PlaceOrder => {
  const isOneLine = typeof body === 'object' && body !== null && 'product' in body
  const result = (isOneLine ? OneLine : SeveralLines).safeParse(body)
  if (result.success) return result.data
  for (const issue of result.error.issues) {
    const { path, message } = issue
    const unknownFields = issue.code === 'unrecognized_keys' ? issue.keys.map(key => [...path, key]) : []
    for (const place of unknownFields.length > 0 ? unknownFields : [path]) {
      context.addIssue({ code: 'custom', path: place, message })
    }
  }
  return z.NEVER
})

function plainLine({ product, quantity, price }: Line): Line {
  return { product, quantity: noMinusZero(quantity), price: noMinusZero(price) }
}

/** JSON has a -0 to read and none to write: it would not come back from the log as it was posted. */
function noMinusZero(value: number): number {
  return value === 0 ? 0 : value
}

/** Unlike z.strictObject alone it says which fields there are. */
function exactly<S extends z.ZodRawShape>(shape: S) {
  const valid = Object.keys(shape).join(', ')
  return z.strictObject(shape, {
    error: issue =>
      issue.code === 'unrecognized_keys' ? `there is no such field; the fields are ${valid}` : undefined,
  })
}
