/** Records that tests of several services need. */
import type { Line, Order, OrderValidation } from '../contracts.ts'

export function order(id: string, lines: Line[], state: Order['state'] = 'CREATED'): Order {
  return { id, customerId: 7, deliveryLocation: 'CA', lines, state, reasons: [] }
}

export function line(product: string, quantity: number, price = 100): Line {
  return { product, quantity, price }
}

export function pass(orderId: string, check: OrderValidation['check']): OrderValidation {
  return { orderId, check, result: 'PASS', reasons: [] }
}

export function fail(orderId: string, check: OrderValidation['check'], reason: string): OrderValidation {
  return { orderId, check, result: 'FAIL', reasons: [reason] }
}
