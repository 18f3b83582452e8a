import { describeValue } from '../contracts/schema.ts'
import type { ByteString } from '../streams/state/byte-store.ts'
import { compareFieldValues, fieldValue, type FieldValue } from './field-value.ts'
import { assertField, InvalidQueryError } from './where.ts'

/** One field of an order. */
export interface OrderTerm {
  readonly field: string
  readonly descending: boolean
}

/** What decides a row's place: its values of the ordering fields, then its key, always ascending. */
export interface RowPlace {
  readonly values: readonly FieldValue[]
  readonly key: ByteString
}

/** Parses an `orderBy` that may come from anywhere. Throws INVALID_QUERY. */
export function parseOrderBy(orderBy: unknown, fields?: readonly string[]): OrderTerm[] {
  if (orderBy === undefined) return []
  if (typeof orderBy !== 'object' || orderBy === null || Array.isArray(orderBy)) {
    throw new InvalidQueryError(
      `orderBy is an object such as { field: "asc" }, not ${describeValue(orderBy)}.`,
    )
  }
  return Object.entries(orderBy).map(([field, direction]: [string, unknown]) => {
    assertField(field, fields)
    if (direction !== 'asc' && direction !== 'desc') {
      throw new InvalidQueryError(
        `The order of "${field}" is ${describeValue(direction)}. Valid orders: asc, desc.`,
        { field, valid: ['asc', 'desc'] },
      )
    }
    return { field, descending: direction === 'desc' }
  })
}

export function placeOf(key: ByteString, row: unknown, order: readonly OrderTerm[]): RowPlace {
  return { values: order.map(term => fieldValue(row, term.field)), key }
}

/** Negative when `a` comes first; 0 only for the same row. */
export function comparePlaces(a: RowPlace, b: RowPlace, order: readonly OrderTerm[]): number {
  for (let i = 0; i < order.length; i++) {
    const difference = compareFieldValues(a.values[i] ?? null, b.values[i] ?? null)
    if (difference !== 0) return order[i]?.descending === true ? -difference : difference
  }
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0
}
