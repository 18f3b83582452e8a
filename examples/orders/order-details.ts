/**
 * Order details: checks every new order for sense. Its lines go to where their products are known, and what is found
 * there comes back together as one verdict.
 */
import { app } from 'evert'
import {
  type Line,
  type Order,
  type OrderValidation,
  orders,
  orderValidations,
  products,
} from './contracts.ts'

export const orderDetails = app('order-details')

/** A line of an order, and what is wrong with it. */
interface CheckedLine {
  orderId: string
  product: string
  line: number
  lines: number
  faults: string[]
}

/** The lines that came back; `verdict` in the step in which the last one did. */
interface Findings {
  checked: number[]
  faults: string[]
  verdict?: 'PASS' | 'FAIL'
}

const knownProducts = orderDetails.table(products)
export const productsView = knownProducts.view('products')

orderDetails
  .stream(orders)
  .filter(order => order.state === 'CREATED')
  .flatMap(linesOf)
  .selectKey(line => line.product)
  .leftJoin(knownProducts, (line, product) =>
    product === null ? withFault(line, `${line.product}: no such product`) : line,
  )
  .groupBy(line => line.orderId)
  .aggregate((): Findings => ({ checked: [], faults: [] }), collect)
  .toStream()
  .filter(findings => findings.verdict !== undefined)
  .map(verdictOf)
  .to(orderValidations)

function linesOf(order: Order): CheckedLine[] {
  return order.lines.map((line, index) => ({
    orderId: order.id,
    product: line.product,
    line: index,
    lines: order.lines.length,
    faults: faultsOf(line),
  }))
}

function faultsOf({ product, quantity, price }: Line): string[] {
  const faults: string[] = []
  if (quantity < 1) faults.push(`${product}: the quantity ${quantity} is below 1`)
  if (price < 0) faults.push(`${product}: the price ${price} is below 0`)
  return faults
}

function withFault(line: CheckedLine, fault: string): CheckedLine {
  return { ...line, faults: [...line.faults, fault] }
}

function collect(before: Findings, { line, lines, faults }: CheckedLine): Findings {
  if (before.checked.includes(line)) return { checked: before.checked, faults: before.faults }
  const after = { checked: [...before.checked, line], faults: [...before.faults, ...faults] }
  if (after.checked.length < lines) return after
  return { ...after, verdict: after.faults.length === 0 ? 'PASS' : 'FAIL' }
}

function verdictOf({ verdict = 'FAIL', faults }: Findings, orderId: string): OrderValidation {
  return { orderId, check: 'ORDER_DETAILS', result: verdict, reasons: faults }
}
