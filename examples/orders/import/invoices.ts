/** Puts the lines of a retail file together to invoices, each an order to place at its own time. */
import { MAX_LINES, type PlaceOrder } from '../contracts.ts'
import { type InvoiceLine, type RefusedLine, retailLines } from './retail-csv.ts'

export interface Invoice {
  readonly kind: 'invoice'
  readonly invoiceNo: string
  readonly timeMs: number
  readonly lines: number
  readonly order: PlaceOrder
}

/** What has to be known of a file before its first order: how long it is, and what it sells. */
export interface Survey {
  readonly lines: number
  readonly invoices: number
  readonly firstTimeMs: number
  readonly products: ReadonlyMap<string, SurveyedProduct>
  /** Where each invoice ends: its lines need not stand together. */
  readonly lastLineOf: ReadonlyMap<string, number>
}

export interface SurveyedProduct {
  /** The first that is not empty. */
  description: string
  /** The last one: prices change. */
  unitPrice: number
}

/** Rejects when the signal is aborted. */
export async function surveyFile(file: string, signal?: AbortSignal): Promise<Survey> {
  const products = new Map<string, SurveyedProduct>()
  const lastLineOf = new Map<string, number>()
  let lines = 0
  let firstTimeMs: number | undefined
  for await (const line of retailLines(file)) {
    signal?.throwIfAborted()
    lines++
    if (line.kind === 'refused') continue
    lastLineOf.set(line.invoiceNo, line.at)
    firstTimeMs = Math.min(firstTimeMs ?? line.timeMs, line.timeMs)
    const product = products.get(line.sku)
    if (product === undefined) {
      products.set(line.sku, {
        description: line.description,
        unitPrice: line.price,
      })
      continue
    }
    if (product.description === '') product.description = line.description
    product.unitPrice = line.price
  }
  return { lines, invoices: lastLineOf.size, firstTimeMs: firstTimeMs ?? 0, products, lastLineOf }
}

/** Invoices in the order of their last line, and the refused lines where they stand. */
export async function* invoicesOf(file: string, survey: Survey): AsyncGenerator<Invoice | RefusedLine> {
  const open = new Map<string, InvoiceLine[]>()
  for await (const line of retailLines(file)) {
    if (line.kind === 'refused') {
      yield line
      continue
    }
    const lines = open.get(line.invoiceNo) ?? []
    const first = lines[0] ?? line
    const fault = faultInInvoice(line, first, lines.length)
    if (fault === undefined) {
      lines.push(line)
      open.set(line.invoiceNo, lines)
    } else yield { kind: 'refused', at: line.at, raw: line.raw, reasons: [`malformed: ${fault}`] }
    if (survey.lastLineOf.get(line.invoiceNo) === line.at) {
      open.delete(line.invoiceNo)
      yield invoiceOf(first, lines)
    }
  }
}

function faultInInvoice(line: InvoiceLine, first: InvoiceLine, linesBefore: number): string | undefined {
  if (line.customerId !== first.customerId) return `another customer than on line ${first.at} of its invoice`
  if (line.country !== first.country) return `another country than on line ${first.at} of its invoice`
  return linesBefore < MAX_LINES ? undefined : `more than ${MAX_LINES} lines in its invoice`
}

function invoiceOf(first: InvoiceLine, lines: readonly InvoiceLine[]): Invoice {
  return {
    kind: 'invoice',
    invoiceNo: first.invoiceNo,
    timeMs: first.timeMs,
    lines: lines.length,
    order: {
      customerId: first.customerId,
      deliveryLocation: first.country,
      lines: lines.map(({ sku, quantity, price }) => ({ product: sku, quantity, price })),
    },
  }
}
