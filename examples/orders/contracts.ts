/**
 * What the services agree on: the topics, and what their records look like. Money is in whole minor units (pence,
 * cents), never in floating point.
 */
import { bytes, json, string, topic } from 'evert'
import { z } from 'zod'

export const Line = z.object({
  /** Stock keeping unit: the key of `products` and of `warehouse-stock`. */
  product: z.string().min(1).max(64),
  /** Whether it is 1 or more is checked by order-details.ts; the bounds keep order values exact. */
  quantity: z.int().min(-100_000).max(100_000),
  /** Of one piece, in minor units. */
  price: z.int().min(-10_000_000).max(10_000_000),
})
export type Line = z.infer<typeof Line>

/** CREATED → VALIDATED | FAILED; VALIDATED → SHIPPED once there is a shipping service. */
export const OrderState = z.enum(['CREATED', 'VALIDATED', 'FAILED', 'SHIPPED'])

/** A record is at most 1 MiB, and services keep an order together with what they know of it. */
export const MAX_LINES = 1000

/** A request, keyed by the id that the order will have. The first one of an id becomes the order. */
export const PlaceOrder = z.object({
  customerId: z.int().min(0),
  deliveryLocation: z.string().min(1).max(64),
  lines: z.array(Line).min(1).max(MAX_LINES),
})
export type PlaceOrder = z.infer<typeof PlaceOrder>

export const Order = PlaceOrder.extend({
  id: z.string(),
  state: OrderState,
  /** Why the order FAILED; empty in any other state. */
  reasons: z.array(z.string()),
})
export type Order = z.infer<typeof Order>

/** The checks that an order needs before it is VALIDATED. */
export const CheckType = z.enum(['ORDER_DETAILS', 'INVENTORY'])

export const OrderValidation = z.object({
  orderId: z.string(),
  check: CheckType,
  result: z.enum(['PASS', 'FAIL']),
  reasons: z.array(z.string()),
})
export type OrderValidation = z.infer<typeof OrderValidation>

export const Product = z.object({ sku: z.string(), description: z.string(), unitPrice: z.int() })
export type Product = z.infer<typeof Product>

/** The pieces in the warehouse as last counted, reserved ones included. */
export const WarehouseStock = z.object({ sku: z.string(), onHand: z.int() })
export type WarehouseStock = z.infer<typeof WarehouseStock>

/** Asks the keeper of one product's stock to set pieces aside for an order, or to put them back. */
export const StockRequest = z.object({
  kind: z.enum(['RESERVE', 'RELEASE']),
  orderId: z.string(),
  sku: z.string(),
  quantity: z.int().min(1),
})
export type StockRequest = z.infer<typeof StockRequest>

/** `refusal` is empty when the pieces are set aside. */
export const StockAnswer = z.object({ orderId: z.string(), sku: z.string(), refusal: z.string() })
export type StockAnswer = z.infer<typeof StockAnswer>

export const Payment = z.object({
  id: z.string(),
  orderId: z.string(),
  amount: z.int(),
  currency: z.string(),
  status: z.enum(['AUTHORISED', 'CONFIRMED']),
})
export type Payment = z.infer<typeof Payment>

export const Email = z.object({
  paymentId: z.string(),
  orderId: z.string(),
  customerId: z.int(),
  subject: z.string(),
  text: z.string(),
})
export type Email = z.infer<typeof Email>

/** Input that could not become an order. */
export const DeadLetter = z.object({
  source: z.string(),
  line: z.int(),
  reasons: z.array(z.string()),
  input: z.string(),
})
export type DeadLetter = z.infer<typeof DeadLetter>

/** Events are facts: they stay. */
const kept = { 'retention.ms': '-1' }
/** Only the latest record of a key matters. */
const compacted = { 'cleanup.policy': 'compact' }

export const orderCommands = topic('order-commands', { key: string, value: json(PlaceOrder), configs: kept })
export const orders = topic('orders', { key: string, value: json(Order), configs: kept })
export const orderValidations = topic('order-validations', {
  key: string,
  value: json(OrderValidation),
  configs: kept,
})
export const products = topic('products', { key: string, value: json(Product), configs: compacted })
export const warehouseStock = topic('warehouse-stock', {
  key: string,
  value: json(WarehouseStock),
  configs: compacted,
})
export const stockRequests = topic('stock-requests', {
  key: string,
  value: json(StockRequest),
  configs: kept,
})
export const stockAnswers = topic('stock-answers', { key: string, value: json(StockAnswer), configs: kept })
export const payments = topic('payments', { key: string, value: json(Payment), configs: kept })
export const emails = topic('emails', { key: string, value: json(Email), configs: compacted })
export const deadLetters = topic('dead-letters', { key: string, value: json(DeadLetter), configs: compacted })

/** Records that a service could not read, as they were, with headers that say why. */
export const unreadable = topic('unreadable-records', { key: bytes, value: bytes, configs: kept })

export const topics = [
  orderCommands,
  orders,
  orderValidations,
  products,
  warehouseStock,
  stockRequests,
  stockAnswers,
  payments,
  emails,
  deadLetters,
  unreadable,
]

/** Σ quantity × price. */
export function valueOf(order: { lines: readonly Line[] }): number {
  return order.lines.reduce((sum, line) => sum + line.quantity * line.price, 0)
}

/** Pieces wanted of each product: an order may name a product on several lines. */
export function quantitiesOf(order: { lines: readonly Line[] }): Map<string, number> {
  const quantities = new Map<string, number>()
  for (const { product, quantity } of order.lines) {
    quantities.set(product, (quantities.get(product) ?? 0) + quantity)
  }
  return quantities
}
