/** The figures of a run, and whether what the example promises holds. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ALL, NO_TOTALS, type Totals, talliesView, totalsView } from '../audit.ts'
import { stockView } from '../inventory.ts'
import { openOrders } from '../open-orders.ts'

/** Over all orders in the log. */
export async function totals(): Promise<Totals> {
  return (await totalsView.get(ALL)) ?? NO_TOTALS
}

/** Over these orders, as `name=figure` in one line. */
export async function figuresOf(ids: readonly string[]): Promise<string> {
  const sums = { orders: ids.length, validated: 0, failed: 0, emails: 0, open: 0 }
  for (const id of ids) {
    const [tally, row] = await Promise.all([talliesView.get(id), openOrders.get(id)])
    sums.validated += tally?.validated ?? 0
    sums.failed += tally?.failed ?? 0
    sums.emails += tally?.emails ?? 0
    if (row?.fulfilled === false) sums.open++
  }
  return Object.entries(sums)
    .map(([name, figure]) => `${name}=${figure}`)
    .join(' ')
}

export interface SettleOptions {
  readonly signal: AbortSignal
  readonly onProgress: (sums: Totals) => void
  /** Gives up when nothing has moved for so long. Default 30 000. */
  readonly stallMs?: number
}

const LOOK_AGAIN_AFTER_MS = 100

/**
 * Resolves to nothing as soon as every one of the orders has its verdict and all promises hold, else to what is still
 * broken when nothing moves any more. Rejects when the signal is aborted.
 */
export async function settled(
  ids: readonly string[],
  { signal, onProgress, stallMs = 30_000 }: SettleOptions,
): Promise<string[]> {
  let before = ''
  let movedMs = performance.now()
  for (;;) {
    const sums = await totals()
    onProgress(sums)
    const faults = await brokenPromises(ids, sums)
    const now = JSON.stringify([sums, faults])
    if (now !== before) movedMs = performance.now()
    else if (performance.now() - movedMs > stallMs) return faults
    before = now
    if (faults.length === 0) return []
    await sleep(LOOK_AGAIN_AFTER_MS, undefined, { signal })
  }
}

async function brokenPromises(ids: readonly string[], sums: Totals): Promise<string[]> {
  const { created, validated, failed, payments, emails, broken } = sums
  const faults = [
    created < ids.length && `${ids.length} orders were placed and ${created} are in the log`,
    broken > 0 && `${broken} orders have something twice`,
    validated + failed !== created && `${created} orders have ${validated + failed} verdicts`,
    payments !== validated && `${validated} validated orders have ${payments} payments`,
    emails !== payments && `${payments} confirmed payments have ${emails} emails`,
  ].filter(fault => fault !== false)
  // Every row is read below, so only when the sums say that it is time.
  return faults.length > 0 ? faults : [...(await brokenOrders(ids)), ...(await brokenViews(sums))]
}

async function brokenOrders(ids: readonly string[]): Promise<string[]> {
  for (const id of ids) {
    const tally = await talliesView.get(id)
    if (tally === undefined || tally.validated + tally.failed !== 1) return [`the order ${id} has no verdict`]
  }
  return []
}

/** Other views may be a moment behind the audit; in the end they agree with it. */
async function brokenViews({ pieces, created, failed }: Totals): Promise<string[]> {
  const stock = await stockView.find()
  const reserved = stock.rows.reduce((sum, { value }) => sum + value.reserved, 0)
  const open = (await openOrders.find({ fulfilled: false })).rows.length
  return [
    reserved !== pieces && `${reserved} pieces are reserved and ${pieces} were validated`,
    open !== created - failed && `${open} orders are open, not ${created - failed}`,
  ].filter(fault => fault !== false)
}
