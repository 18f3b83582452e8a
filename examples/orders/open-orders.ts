/**
 * The open-orders view: `getOpenOrders({ fulfilled: false, deliveryLocation: 'CA', orderValue: { gt: 100 } })`.
 * An order is in it from its first event; it leaves when it FAILED.
 */
import { app } from 'evert'
import { orders, valueOf } from './contracts.ts'

export const openOrdersService = app('open-orders')

export const openOrders = openOrdersService
  .table(orders)
  .filter(order => order.state !== 'FAILED')
  .map(order => ({
    id: order.id,
    customerId: order.customerId,
    deliveryLocation: order.deliveryLocation,
    state: order.state,
    fulfilled: order.state === 'SHIPPED',
    orderValue: valueOf(order),
    lines: order.lines,
  }))
  .view('openOrders', { indexes: ['fulfilled', 'deliveryLocation', 'orderValue'] })
