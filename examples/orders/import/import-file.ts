/** Places the invoices of a retail file as orders, each at its own time, and keeps what it refuses. */
import { basename } from 'node:path'
import type { DeadLetter, PlaceOrder, Product } from '../contracts.ts'
import { OPENING_STOCK } from '../generate/catalogue.ts'
import { type Invoice, invoicesOf, type Survey, surveyFile } from './invoices.ts'
import type { RefusedLine } from './retail-csv.ts'

export type StockItem = Product & { onHand: number }

/** Where an import goes. All three resolve when the log has taken what they were given. */
export interface ImportTarget {
  /** Lists the products and puts them into the warehouse; resolves when every check knows them. */
  stock(items: readonly StockItem[], timeMs?: number): Promise<void>
  place(id: string, order: PlaceOrder, timeMs?: number): Promise<void>
  refuse(key: string, letter: DeadLetter): Promise<void>
}

/** Counted in lines of the file, except orders: placed + refused = read. */
export interface ImportFigures {
  readonly total: number
  read: number
  placed: number
  refused: number
  /** Invoices placed, and to be placed. */
  orders: number
  readonly allOrders: number
  /** Refused lines by their first reason. */
  readonly reasons: Map<string, number>
  /** The first lines that were refused, a few. */
  readonly firstRefused: RefusedLine[]
}

export interface ImportOptions {
  readonly signal: AbortSignal
  readonly onProgress?: (figures: ImportFigures) => void
}

/** Appends that may wait for their acknowledgement at a time. */
const IN_FLIGHT = 64

const FIRST_REFUSED = 3

/**
 * A file can be imported again: an invoice that is an order already stays the one order that it is. Once the signal is
 * aborted, it rejects while it still looks through the file, and resolves early while it places orders.
 */
export async function importFile(
  file: string,
  target: ImportTarget,
  { signal, onProgress }: ImportOptions,
): Promise<ImportFigures> {
  const survey = await surveyFile(file, signal)
  const figures: ImportFigures = {
    total: survey.lines,
    read: 0,
    placed: 0,
    refused: 0,
    orders: 0,
    allOrders: survey.invoices,
    reasons: new Map(),
    firstRefused: [],
  }
  onProgress?.(figures)
  await target.stock(itemsOf(survey), survey.firstTimeMs)

  const take = async (item: Invoice | RefusedLine) => {
    if (item.kind === 'invoice') {
      await target.place(`invoice-${item.invoiceNo}`, item.order, item.timeMs)
      figures.orders++
      figures.placed += item.lines
      figures.read += item.lines
    } else {
      if (figures.firstRefused.length < FIRST_REFUSED) figures.firstRefused.push(item)
      const source = basename(file)
      await target.refuse(`${source}:${item.at}`, {
        source,
        line: item.at,
        reasons: [...item.reasons],
        input: item.raw,
      })
      const reason = item.reasons[0]?.split(':')[0] ?? 'refused'
      figures.reasons.set(reason, (figures.reasons.get(reason) ?? 0) + 1)
      figures.refused++
      figures.read++
    }
    onProgress?.(figures)
  }

  let window: Promise<void>[] = []
  for await (const item of invoicesOf(file, survey)) {
    if (signal.aborted) break
    const taken = take(item)
    // Reported by Promise.all below, which may come to it later than the runtime looks for a handler.
    taken.catch(() => undefined)
    window.push(taken)
    if (window.length < IN_FLIGHT) continue
    await Promise.all(window)
    window = []
  }
  await Promise.all(window)
  return figures
}

/** The file does not say what the shop had in stock: enough. */
function itemsOf({ products }: Survey): StockItem[] {
  return Array.from(products, ([sku, product]) => ({ sku, ...product, onHand: OPENING_STOCK }))
}
