/**
 * Inventory: sets pieces aside for every new order, all or nothing. What is asked for an order is remembered with the
 * order, so an order that comes twice reserves once; what is set aside of a product is counted with the product, so
 * two orders never get the same piece. The two talk through `stock-requests` and `stock-answers`. When an order
 * FAILED, for whatever reason, its pieces go back. The rules are in inventory-rules.ts.
 */
import { app } from 'evert'
import { orders, orderValidations, stockAnswers, stockRequests, warehouseStock } from './contracts.ts'
import {
  keepStock,
  noReservation,
  noStock,
  type OrderInput,
  reserve,
  type StockInput,
} from './inventory-rules.ts'

export const inventory = app('inventory')

// With the order: what is asked, granted and refused.
const reservations = inventory
  .stream(orders)
  .map((order): OrderInput => ({ order }))
  .merge(inventory.stream(stockAnswers).map((answer): OrderInput => ({ answer })))
  .groupByKey()
  .aggregate(noReservation, reserve)
  .toStream()

reservations
  .flatMap(({ requests }) => requests)
  .selectKey(request => request.sku)
  .to(stockRequests)
reservations.flatMap(({ verdict }) => (verdict === undefined ? [] : [verdict])).to(orderValidations)

// With the product: what is there and what is set aside.
const levels = inventory
  .stream(warehouseStock)
  .map((count): StockInput => ({ count }))
  .merge(inventory.stream(stockRequests).map((request): StockInput => ({ request })))
  .groupByKey()
  .aggregate(noStock, keepStock)

levels
  .toStream()
  .flatMap(({ answer }) => (answer === undefined ? [] : [answer]))
  .selectKey(answer => answer.orderId)
  .to(stockAnswers)

/** Pieces by product: counted, set aside, and free. */
export const stockView = levels
  .map(({ onHand, reserved }) => ({ onHand, reserved, available: onHand - reserved }))
  .view('stock')
