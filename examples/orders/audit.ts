/**
 * Audit: counts what the log holds, order by order, and sums it up. What the example promises (one verdict an order,
 * one email a confirmed payment, and reserved stock = sum of validated quantities) is checked against these figures.
 */
import { app } from 'evert'
import { emails, type Order, orders, payments } from './contracts.ts'

export const audit = app('audit')

/** What the log says about one order. */
type Tally = Record<'created' | 'validated' | 'failed' | 'payments' | 'emails' | 'pieces', number>

/** The sums over all orders; `broken` counts the orders that have something twice. */
export type Totals = Tally & Record<'orders' | 'broken', number>

const NO_TALLY: Tally = { created: 0, validated: 0, failed: 0, payments: 0, emails: 0, pieces: 0 }
export const NO_TOTALS: Totals = { ...NO_TALLY, orders: 0, broken: 0 }

/** The one key of the totals. */
export const ALL = 'all'

type Entry = { orderId: string; add: Partial<Tally> }

const tallies = audit
  .stream(orders)
  .map(entryOfOrder)
  .merge(audit.stream(payments).map((payment): Entry => ({ orderId: payment.orderId, add: { payments: 1 } })))
  .merge(audit.stream(emails).map((email): Entry => ({ orderId: email.orderId, add: { emails: 1 } })))
  .groupBy(entry => entry.orderId)
  .aggregate(
    () => NO_TALLY,
    (tally, entry) => plus(tally, entry.add),
    { store: 'tallies' },
  )

export const talliesView = tallies.view('tallies')

export const totalsView = tallies
  .groupBy(() => ALL)
  .aggregate(
    () => NO_TOTALS,
    (totals, tally) => plus(totals, asTotals(tally)),
    (totals, tally) => plus(totals, asTotals(tally), -1),
    { store: 'totals' },
  )
  .view('totals')

function entryOfOrder(order: Order): Entry {
  const { id: orderId, lines, state } = order
  if (state === 'CREATED') return { orderId, add: { created: 1 } }
  if (state === 'FAILED') return { orderId, add: { failed: 1 } }
  const pieces = lines.reduce((total, line) => total + line.quantity, 0)
  return { orderId, add: state === 'VALIDATED' ? { validated: 1, pieces } : {} }
}

function asTotals(tally: Tally): Totals {
  const { created, validated, failed, payments, emails } = tally
  const broken = created > 1 || validated + failed > 1 || payments > 1 || emails > 1
  return { ...tally, orders: 1, broken: broken ? 1 : 0 }
}

function plus<T extends Record<string, number>>(figures: T, more: Partial<T>, sign: 1 | -1 = 1): T {
  const entries = Object.entries(figures).map(([name, value]) => [name, value + sign * (more[name] ?? 0)])
  return Object.fromEntries(entries) as T
}
