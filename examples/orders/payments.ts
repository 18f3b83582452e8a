/** Payments: a stand-in for a payment provider, which confirms the payment of every validated order. */
import { app } from 'evert'
import { orders, type Payment, payments, valueOf } from './contracts.ts'

export const paymentService = app('payments')

paymentService
  .stream(orders)
  .filter(order => order.state === 'VALIDATED')
  .map(
    (order): Payment => ({
      id: `payment-${order.id}`,
      orderId: order.id,
      amount: valueOf(order),
      currency: 'GBP',
      status: 'CONFIRMED',
    }),
  )
  .selectKey(payment => payment.id)
  .to(payments)
