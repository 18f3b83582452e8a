/**
 * Reads invoice lines of a retail file (columns: invoiceNo, stockCode, description, quantity, invoiceDate, unitPrice,
 * customerId, country). Every record of the file comes out once: as a line that can be ordered, or refused with reasons.
 */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { CsvError, parse } from 'csv-parse/sync'

export interface InvoiceLine {
  readonly kind: 'line'
  /** Line of the file, counted from 1 with the header as line 1. */
  readonly at: number
  readonly raw: string
  readonly invoiceNo: string
  readonly sku: string
  readonly description: string
  readonly quantity: number
  /** Minor units (pence). */
  readonly price: number
  readonly timeMs: number
  readonly customerId: number
  readonly country: string
}

export interface RefusedLine {
  readonly kind: 'refused'
  readonly at: number
  readonly raw: string
  /** The most telling reason first. */
  readonly reasons: readonly string[]
}

const COLUMNS = [
  'invoiceNo',
  'stockCode',
  'description',
  'quantity',
  'invoiceDate',
  'unitPrice',
  'customerId',
  'country',
] as const

/** Throws an Error with a message for the user when the file cannot be read or lacks a column. */
export async function* retailLines(file: string): AsyncGenerator<InvoiceLine | RefusedLine> {
  let indexes: number[] | undefined
  let at = 0
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    at++
    const raw = at === 1 ? text.replace(/^\uFEFF/, '') : text
    if (raw.trim() === '') continue
    const cells = cellsOf(raw)
    if (indexes === undefined) indexes = columnIndexes(cells instanceof Error ? [raw] : cells, file)
    else if (cells instanceof Error)
      yield { kind: 'refused', at, raw, reasons: [`malformed: ${cells.message}`] }
    else yield readLine(cells, indexes, raw, at)
  }
  if (indexes === undefined)
    throw new Error(`${file} is empty: it needs a header with ${COLUMNS.join(', ')}.`)
}

/** One line at a time, so that a broken quote spoils its own line only and not all that follow. */
function cellsOf(line: string): string[] | Error {
  try {
    return parse(line, { trim: true, relax_column_count: true })[0] ?? []
  } catch (error) {
    if (error instanceof CsvError) return error
    throw error
  }
}

function columnIndexes(header: string[], file: string): number[] {
  const missing = COLUMNS.filter(column => !header.includes(column))
  if (missing.length === 0) return COLUMNS.map(column => header.indexOf(column))
  throw new Error(`${file} has no column ${missing.join(', ')}; its header is ${header.join(', ')}.`)
}

const WHOLE_NUMBER = /^-?\d{1,9}$/
const PRICE = /^-?\d{1,9}(\.\d{1,2})?0*$/
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z$/

function readLine(record: string[], indexes: number[], raw: string, at: number): InvoiceLine | RefusedLine {
  const cells = indexes.map(index => record[index] ?? '')
  const [invoiceNo, sku, description, quantity, date, price, customer, country] = cells as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  const malformed = [
    record.length !== COLUMNS.length && `${record.length} columns instead of ${COLUMNS.length}`,
    invoiceNo === '' && 'no invoice number',
    sku === '' && 'no stock code',
    !WHOLE_NUMBER.test(quantity) && `quantity "${quantity}" is not a whole number`,
    !PRICE.test(price) && `price "${price}" is not an amount with two decimals`,
    !(INSTANT.test(date) && Number.isFinite(Date.parse(date))) && `date "${date}" is not ISO 8601 UTC`,
    customer !== '' && !WHOLE_NUMBER.test(customer) && `customer "${customer}" is not a number`,
    country === '' && 'no country',
  ].filter(fault => fault !== false)
  const reasons = [
    malformed.length > 0 && `malformed: ${malformed.join(', ')}`,
    /^C/i.test(invoiceNo) && 'cancellation',
    Number(quantity) < 0 && 'negative quantity',
    Number(quantity) === 0 && quantity !== '' && 'quantity zero',
    Number(price) < 0 && 'negative price',
    customer === '' && 'no customer',
  ].filter(reason => reason !== false)
  if (reasons.length > 0) return { kind: 'refused', at, raw, reasons }
  return {
    kind: 'line',
    at,
    raw,
    invoiceNo,
    sku,
    description: description.trim(),
    quantity: Number(quantity),
    price: Math.round(Number(price) * 100),
    timeMs: Date.parse(date),
    customerId: Number(customer),
    country,
  }
}
