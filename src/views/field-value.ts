import type { Scalar } from '../streams/dsl/view-query.ts'

/** A field that holds neither a scalar nor nothing: an object, an array, NaN. Equal to no operand; ordered last. */
export const OTHER: unique symbol = Symbol('other')

export type FieldValue = Scalar | typeof OTHER

/** What a field counts as in conditions, orders and indexes: a missing one is null. */
export function fieldValue(row: unknown, field: string): FieldValue {
  if (typeof row !== 'object' || row === null) return null
  const value = (row as Record<string, unknown>)[field]
  if (isScalar(value)) return value
  return value === undefined || !Object.hasOwn(row, field) ? null : OTHER
}

export function isScalar(value: unknown): value is Scalar {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return !Number.isNaN(value)
    default:
      return value === null
  }
}

/** Total order: null, false, true, numbers, strings by code units, everything else (equal among itself). */
export function compareFieldValues(a: FieldValue, b: FieldValue): number {
  if (a === b) return 0
  const rank = rankOf(a)
  const difference = rank - rankOf(b)
  if (difference !== 0) return difference
  return (a as string) < (b as string) ? -1 : 1
}

/** True when both can be compared by `gt` and its like: the same type, and not null. */
export function isComparable(a: FieldValue, b: Scalar): boolean {
  return typeof a === typeof b && a !== null && b !== null
}

function rankOf(value: FieldValue): number {
  switch (typeof value) {
    case 'boolean':
      return 1
    case 'number':
      return 2
    case 'string':
      return 3
    default:
      return value === null ? 0 : 4
  }
}
