/**
 * Email: when a payment is confirmed, writes an email that includes the order and the stock description. The payment,
 * the order and the descriptions may come in any order and at any time: each is kept until the others are there.
 * One payment gets one email, whatever comes later.
 */
import { app } from 'evert'
import {
  type Email,
  emails,
  type Order,
  orders,
  type Payment,
  payments,
  type Product,
  products,
  quantitiesOf,
} from './contracts.ts'

export const emailService = app('email')

const orderTable = emailService.table(orders)
const confirmedPayments = emailService
  .stream(payments)
  .filter(payment => payment.status === 'CONFIRMED')
  .selectKey(payment => payment.orderId)
  .toTable()

/** What a product is called, as an answer to an order that names it. */
interface Described {
  orderId: string
  sku: string
  description: string
}

/** A product: its description once it is known, the orders that wait for it, and those that are answered now. */
interface Naming {
  description?: string
  waiting: string[]
  answered: Described[]
}

type NamingInput = { product: Product } | { orderId: string }

const described = orderTable
  .toStream()
  .filter(order => order.state === 'VALIDATED')
  .flatMap(order => [...quantitiesOf(order).keys()].map(sku => ({ sku, orderId: order.id })))
  .selectKey(({ sku }) => sku)
  .map(({ orderId }): NamingInput => ({ orderId }))
  .merge(emailService.stream(products).map((product): NamingInput => ({ product })))
  .groupByKey()
  .aggregate((): Naming => ({ waiting: [], answered: [] }), name)
  .toStream()
  .flatMap(({ answered }) => answered)

const descriptionsByOrder = described
  .groupBy(({ orderId }) => orderId)
  .aggregate((): Described[] => [], addDescription)

/** The email of a payment; `isFirst` in the step in which it was written. */
interface Written {
  email?: Email
  isFirst: boolean
}

confirmedPayments
  .join(orderTable, (payment, order) => ({ payment, order }))
  .join(descriptionsByOrder, ({ payment, order }, descriptions) => ({ payment, order, descriptions }))
  .toStream()
  .filter(({ order, descriptions }) => descriptions.length === quantitiesOf(order).size)
  .map(({ payment, order, descriptions }) => write(payment, order, descriptions))
  .groupBy(email => email.paymentId)
  .aggregate((): Written => ({ isFirst: false }), firstWins)
  .toStream()
  .flatMap(({ email, isFirst }) => (isFirst && email !== undefined ? [email] : []))
  .to(emails)

function name({ description, waiting }: Naming, input: NamingInput, sku: string): Naming {
  if ('product' in input) {
    const called = input.product.description
    return {
      description: called,
      waiting: [],
      answered: waiting.map(orderId => describe(orderId, sku, called)),
    }
  }
  if (description === undefined) return { waiting: [...waiting, input.orderId], answered: [] }
  return { description, waiting, answered: [describe(input.orderId, sku, description)] }
}

function describe(orderId: string, sku: string, description: string): Described {
  return { orderId, sku, description }
}

function addDescription(known: Described[], described: Described): Described[] {
  return known.some(({ sku }) => sku === described.sku) ? known : [...known, described]
}

function firstWins({ email: written }: Written, email: Email): Written {
  return written === undefined ? { email, isFirst: true } : { email: written, isFirst: false }
}

function write(payment: Payment, order: Order, descriptions: Described[]): Email {
  const called = new Map(descriptions.map(({ sku, description }) => [sku, description]))
  const lines = order.lines.map(
    ({ product, quantity, price }) => `${quantity} × ${called.get(product)} (${product}) at ${money(price)}`,
  )
  return {
    paymentId: payment.id,
    orderId: order.id,
    customerId: order.customerId,
    subject: `Your order ${order.id} is paid`,
    text: [...lines, `Paid: ${money(payment.amount)} ${payment.currency}`].join('\n'),
  }
}

function money(minorUnits: number): string {
  return (minorUnits / 100).toFixed(2)
}
