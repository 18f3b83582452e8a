/**
 * Reads invoice lines of a retail file (columns: invoiceNo, stockCode, description, quantity, invoiceDate, unitPrice,
 * customerId, country; upper and lower case, spaces and underscores make no difference). Every record of the file comes out once: as a line that can be ordered, or refused with reasons.
 */
import { CsvError, parse } from 'csv-parse/sync'
import { fileLines, MAX_LINE_LENGTH } from './file-lines.ts'

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
  for await (const { at, text, isOverlong } of fileLines(file)) {
    const raw = at === 1 ? text.replace(/^\uFEFF/, '') : text
    if (raw.trim() === '') continue
    if (isOverlong && indexes !== undefined) {
      const reasons = [`malformed: longer than ${MAX_LINE_LENGTH} characters`]
      yield { kind: 'refused', at, raw: cut(raw, KEPT_OF_OVERLONG), reasons }
      continue
    }
    const cells = cellsOf(raw)
    if (indexes === undefined) indexes = columnIndexes(cells instanceof Error ? [raw] : cells, file)
    else if (cells instanceof Error)
      yield { kind: 'refused', at, raw, reasons: [`malformed: ${faultOf(cells)}`] }
    else yield readLine(cells, indexes, raw, at)
  }
  if (indexes === undefined)
    throw new Error(`${file} is empty: it needs a header with ${COLUMNS.join(', ')}.`)
}

/** Characters of an overlong line that are told: enough to find it. */
const KEPT_OF_OVERLONG = 1000
const KEPT_OF_HEADER = 200

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text
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

/** Without the parser's own line number, which is always 1 here. */
function faultOf(error: Error): string {
  return error.message.replaceAll(' at line 1', '')
}

function columnIndexes(header: string[], file: string): number[] {
  const names = header.map(plainName)
  const missing = COLUMNS.filter(column => !names.includes(plainName(column)))
  if (missing.length === 0) return COLUMNS.map(column => names.indexOf(plainName(column)))
  const found = cut(header.join(', '), KEPT_OF_HEADER)
  throw new Error(`${file} has no column ${missing.join(', ')}; its header is ${found}.`)
}

function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_]/g, '')
}

const WHOLE_NUMBER = /^-?\d{1,9}$/
const PRICE = /^-?\d{1,9}(\.\d{1,2})?0*$/
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z$/

function readLine(cells: string[], indexes: number[], raw: string, at: number): InvoiceLine | RefusedLine {
  const [invoiceNo, sku, description, quantity, date, price, customer, country] = indexes.map(
    index => cells[index] ?? '',
  ) as [string, string, string, string, string, string, string, string]
  const line = {
    invoiceNo,
    sku,
    description,
    quantity: WHOLE_NUMBER.test(quantity) ? Number(quantity) : Number.NaN,
    price: PRICE.test(price) ? Math.round(Number(price) * 100) : Number.NaN,
    timeMs: INSTANT.test(date) ? Date.parse(date) : Number.NaN,
    customerId: /^\d{1,9}$/.test(customer) ? Number(customer) : Number.NaN,
    country,
  }
  const malformed = told([
    [cells.length !== COLUMNS.length, `${cells.length} columns instead of ${COLUMNS.length}`],
    [invoiceNo === '', 'no invoice number'],
    [sku === '' || sku.length > 64, 'a stock code needs 1 to 64 characters'],
    [!(Math.abs(line.quantity) <= 100_000), `quantity "${quantity}" is no whole number up to 100000`],
    [!(Math.abs(line.price) <= 10_000_000), `price "${price}" is no amount with two decimals up to 100000`],
    [!(line.timeMs >= 0), `date "${date}" is no instant in ISO 8601 UTC since 1970`],
    [customer !== '' && Number.isNaN(line.customerId), `customer "${customer}" is no number`],
    [country === '' || country.length > 64, 'a country needs 1 to 64 characters'],
  ])
  const reasons = told([
    [malformed.length > 0, `malformed: ${malformed.join(', ')}`],
    [/^C/i.test(invoiceNo), 'cancellation'],
    [line.quantity < 0, 'negative quantity'],
    [line.quantity === 0, 'quantity zero'],
    [line.price < 0, 'negative price'],
    [customer === '', 'no customer'],
  ])
  return reasons.length > 0 ? { kind: 'refused', at, raw, reasons } : { kind: 'line', at, raw, ...line }
}

function told(faults: [boolean, string][]): string[] {
  return faults.filter(([isSo]) => isSo).map(([, words]) => words)
}
