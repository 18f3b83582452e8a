import { crc32 } from 'node:zlib'
import type { FieldValue } from './field-value.ts'
import { OTHER } from './field-value.ts'
import type { KeyRange } from './key-ranges.ts'
import type { OrderTerm, RowPlace } from './row-order.ts'
import { InvalidQueryError, type Term } from './where.ts'

/*
 * A cursor is the place of the last row of a page, not a number of rows: rows that come and go elsewhere neither
 * repeat nor hide others. As text: base64url of 4 bytes CRC-32, then JSON [format, fingerprint of the query, key, ...values].
 */
const FORMAT = 1

/** Tells queries apart: a cursor goes on only with the query that it came from. */
export function queryFingerprint(
  view: string,
  terms: readonly Term[],
  order: readonly OrderTerm[],
  keys?: KeyRange,
): number {
  const conditions = terms.map(term => {
    const operands = term.operator === 'in' ? term.operands : [term.operand]
    return [term.field, term.operator, ...operands.map(writeValue)]
  })
  const parts = conditions.map(condition => JSON.stringify(condition)).toSorted()
  const range = keys === undefined ? [] : [keys.from ?? null, keys.to ?? null]
  return crc32(JSON.stringify([view, parts, order.map(term => [term.field, term.descending]), ...range]))
}

export function writeCursor(fingerprint: number, place: RowPlace): string {
  const content = Buffer.from(
    JSON.stringify([FORMAT, fingerprint, place.key, ...place.values.map(writeValue)]),
  )
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(content))
  return Buffer.concat([sum, content]).toString('base64url')
}

/** Throws INVALID_QUERY for a cursor that is damaged or of another query. */
export function readCursor(cursor: string, fingerprint: number, order: readonly OrderTerm[]): RowPlace {
  const bytes = Buffer.from(cursor, 'base64url')
  const content = bytes.subarray(4)
  if (bytes.length < 4 || bytes.toString('base64url') !== cursor || crc32(content) !== bytes.readUInt32BE()) {
    throw refusal('is damaged')
  }
  const [format, wanted, key, ...values] = contentOf(content)
  if (format !== FORMAT) throw refusal('is of another release')
  if (wanted !== fingerprint || values.length !== order.length) throw refusal('is of another query')
  if (typeof key !== 'string' || !values.every(value => typeof value === 'string'))
    throw refusal('is damaged')
  return { key, values: values.map(readValue) }
}

/** The checksum finds accidents; a cursor that someone made up is refused here or by its caller. */
function contentOf(content: Buffer): unknown[] {
  try {
    const parsed: unknown = JSON.parse(content.toString())
    if (Array.isArray(parsed)) return parsed
  } catch {
    // Said below.
  }
  throw refusal('is damaged')
}

function refusal(fault: string): InvalidQueryError {
  return new InvalidQueryError(
    `The cursor ${fault}. Pass a cursor back unchanged, with the same view, conditions and order.`,
    { field: 'cursor' },
  )
}

/** As text, with a letter for the type: JSON has no infinities. */
function writeValue(value: FieldValue): string {
  switch (typeof value) {
    case 'string':
      return `s${value}`
    case 'number':
      return `n${value}`
    case 'boolean':
      return value ? 't' : 'f'
    default:
      return value === OTHER ? 'o' : '0'
  }
}

function readValue(text: string): FieldValue {
  switch (text[0]) {
    case 's':
      return text.slice(1)
    case 'n':
      return Number(text.slice(1))
    case 't':
    case 'f':
      return text === 't'
    default:
      return text === 'o' ? OTHER : null
  }
}
