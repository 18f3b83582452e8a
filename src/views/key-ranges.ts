import { unreachable } from '../internal/assert.ts'
import type { Scalar } from '../streams/dsl/view-query.ts'
import type { ByteString } from '../streams/state/byte-store.ts'
import { afterPrefix, encodeFieldValue, isCut, typeRange } from './index-codec.ts'
import type { Term } from './where.ts'

/** Entries of an index from `from` (inclusive) to `to` (exclusive). */
export interface KeyRange {
  readonly from: ByteString | undefined
  readonly to: ByteString | undefined
}

/** Where the rows that can fulfil the terms of one field stand in its index. */
export interface FieldRanges {
  /** Disjoint, ascending. They may hold more rows than fulfil the terms, never fewer. */
  readonly ranges: readonly KeyRange[]
  /** All rows have one value (or one cut value): the entries stand in order of the row's key. */
  readonly oneValue: boolean
}

export const ALL: KeyRange = { from: undefined, to: undefined }

/** undefined when no term narrows the index down. */
export function rangesOf(terms: readonly Term[]): FieldRanges | undefined {
  const equal = terms.find(term => term.operator === 'eq')
  if (equal !== undefined && equal.operator === 'eq') {
    return { ranges: [rangeOfValue(equal.operand)], oneValue: true }
  }
  const among = terms.find(term => term.operator === 'in')
  if (among !== undefined && among.operator === 'in') {
    const values = [...new Set(among.operands.map(encodeFieldValue))].toSorted()
    return { ranges: values.map(rangeOfPrefix), oneValue: values.length < 2 }
  }
  const bounds = terms.map(boundsOf).filter(range => range !== undefined)
  if (bounds.length === 0) return undefined
  const range = bounds.reduce(intersect)
  return { ranges: isEmpty(range) ? [] : [range], oneValue: false }
}

export function rangeOfValue(value: Scalar): KeyRange {
  return rangeOfPrefix(encodeFieldValue(value))
}

export function rangeOfPrefix(prefix: ByteString): KeyRange {
  return { from: prefix, to: afterPrefix(prefix) }
}

export function intersect(a: KeyRange, b: KeyRange): KeyRange {
  return { from: later(a.from, b.from), to: earlier(a.to, b.to) }
}

export function isEmpty(range: KeyRange): boolean {
  return range.from !== undefined && range.to !== undefined && range.from >= range.to
}

function boundsOf(term: Term): KeyRange | undefined {
  if (term.operator === 'in' || term.operator === 'eq' || term.operator === 'ne') return undefined
  const value = encodeFieldValue(term.operand)
  const [first, end] = typeRange(value)
  const after = afterPrefix(value)
  switch (term.operator) {
    case 'gt':
      return { from: isCut(value) ? value : after, to: end }
    case 'gte':
      return { from: value, to: end }
    case 'lt':
      return { from: first, to: isCut(value) ? after : value }
    case 'lte':
      return { from: first, to: after }
    default:
      return unreachable(term.operator)
  }
}

function later(a: ByteString | undefined, b: ByteString | undefined): ByteString | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a > b ? a : b
}

function earlier(a: ByteString | undefined, b: ByteString | undefined): ByteString | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a < b ? a : b
}
