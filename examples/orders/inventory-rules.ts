/**
 * The rules of the inventory, without anything that runs: what an input changes, and what follows from it. Inputs may
 * come twice and verdicts may overtake answers.
 */
import {
  type Order,
  type OrderValidation,
  quantitiesOf,
  type StockAnswer,
  type StockRequest,
  type WarehouseStock,
} from './contracts.ts'

interface Pieces {
  sku: string
  quantity: number
}

/** An order as the inventory sees it; `requests` and `verdict` are what follows from the last input. */
export interface Reservation {
  state: 'NEW' | 'ASKED' | 'FAILED'
  waiting: Pieces[]
  granted: Pieces[]
  refusals: string[]
  requests: StockRequest[]
  verdict?: OrderValidation
}

export type OrderInput = { order: Order } | { answer: StockAnswer }

/** A product in the warehouse; `answer` follows from the last input. Without a count there is no such product. */
export interface StockLevel {
  counted: boolean
  onHand: number
  reserved: number
  answer?: StockAnswer
}

export type StockInput = { count: WarehouseStock } | { request: StockRequest }

export function noReservation(): Reservation {
  return { state: 'NEW', waiting: [], granted: [], refusals: [], requests: [] }
}

export function reserve(before: Reservation, input: OrderInput, orderId: string): Reservation {
  const { verdict: _, ...rest } = before
  const next: Reservation = { ...rest, requests: [] }
  if ('answer' in input) return answered(next, orderId, input.answer)
  const { order } = input
  if (order.state === 'CREATED' && next.state === 'NEW') return asked(next, order)
  if (order.state !== 'FAILED' || next.state === 'FAILED') return next
  return { ...next, state: 'FAILED', granted: [], requests: requestsFor('RELEASE', orderId, next.granted) }
}

function asked(next: Reservation, order: Order): Reservation {
  const tooFew = order.lines.find(line => line.quantity < 1)
  if (tooFew !== undefined) {
    const refusals = [`${tooFew.product}: ${tooFew.quantity} pieces cannot be reserved`]
    return decided({ ...next, state: 'ASKED', refusals }, order.id)
  }
  const waiting = [...quantitiesOf(order)].map(([sku, quantity]) => ({ sku, quantity }))
  return { ...next, state: 'ASKED', waiting, requests: requestsFor('RESERVE', order.id, waiting) }
}

function answered(next: Reservation, orderId: string, { sku, refusal }: StockAnswer): Reservation {
  const pieces = next.waiting.find(wanted => wanted.sku === sku)
  if (pieces === undefined) return next
  const waiting = next.waiting.filter(wanted => wanted !== pieces)
  if (refusal !== '') return decided({ ...next, waiting, refusals: [...next.refusals, refusal] }, orderId)
  // The order failed for another reason while the pieces were being set aside: back they go.
  if (next.state === 'FAILED')
    return { ...next, waiting, requests: requestsFor('RELEASE', orderId, [pieces]) }
  return decided({ ...next, waiting, granted: [...next.granted, pieces] }, orderId)
}

function decided(next: Reservation, orderId: string): Reservation {
  if (next.waiting.length > 0) return next
  const result = next.refusals.length === 0 ? 'PASS' : 'FAIL'
  return { ...next, verdict: { orderId, check: 'INVENTORY', result, reasons: next.refusals } }
}

function requestsFor(kind: StockRequest['kind'], orderId: string, pieces: Pieces[]) {
  return pieces.map(({ sku, quantity }): StockRequest => ({ kind, orderId, sku, quantity }))
}

export function noStock(): StockLevel {
  return { counted: false, onHand: 0, reserved: 0 }
}

export function keepStock(before: StockLevel, input: StockInput, sku: string): StockLevel {
  const { counted, onHand, reserved } = before
  if ('count' in input) return { counted: true, onHand: input.count.onHand, reserved }
  const { kind, orderId, quantity } = input.request
  if (kind === 'RELEASE') return { counted, onHand, reserved: reserved - quantity }
  const free = onHand - reserved
  if (!counted) return { ...before, answer: { orderId, sku, refusal: `${sku}: not in the warehouse` } }
  if (quantity > free) {
    return { ...before, answer: { orderId, sku, refusal: `${sku}: ${quantity} wanted, ${free} free` } }
  }
  return { counted, onHand, reserved: reserved + quantity, answer: { orderId, sku, refusal: '' } }
}
