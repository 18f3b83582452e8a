import { compareFieldValues, type FieldValue } from './field-value.ts'
import { encodeFieldValue, isCut } from './index-codec.ts'
import type { KeyRange } from './key-ranges.ts'
import type { LocalTask } from './local-tasks.ts'
import { chooseScan, sortedBy } from './plan.ts'
import { comparePlaces, type OrderTerm, placeOf, type RowPlace } from './row-order.ts'
import { rowsOf } from './scan.ts'
import type { TopRows } from './top-rows.ts'
import { compileTerms, type Term } from './where.ts'

/** A checked query. */
export interface Query {
  readonly terms: readonly Term[]
  readonly order: readonly OrderTerm[]
  /** Rows that the caller keeps, at most. */
  readonly limit: number | undefined
  /** Only rows after this place. */
  readonly after: RowPlace | undefined
  /** Only rows whose keys lie there. */
  readonly keys?: KeyRange | undefined
}

/** Offers the task's rows that fulfil the query to `top`; synchronous, so all are of one commit. */
export function collectRows<V>(task: LocalTask<V>, query: Query, top: TopRows<V>): void {
  const { terms, order, after } = query
  const scan = chooseScan(task, query)
  const sorted = sortedBy(scan, order)
  const matches = compileTerms(terms)
  for (const [key, value] of rowsOf(task, scan, query)) {
    // A sorted scan looks at the place first: it can end there, however few rows match.
    if (sorted === 0 && !matches(value)) continue
    const place = placeOf(key, value, order)
    if (!top.accepts(place)) {
      if (sorted > 0 && isPastAll(place, top.worst, order, sorted)) return
      continue
    }
    if (after !== undefined && comparePlaces(place, after, order) <= 0) continue
    if (sorted > 0 && !matches(value)) continue
    top.add({ place, value })
  }
}

/** Whether no later row of a scan that is sorted by the first `sorted` criteria can come before `worst`. */
function isPastAll(
  place: RowPlace,
  worst: RowPlace | undefined,
  order: readonly OrderTerm[],
  sorted: number,
): boolean {
  if (worst === undefined) return true
  const [first] = order
  if (first === undefined) return true
  const value = place.values[0] ?? null
  // Values that are cut in the index tie there, so the rows after this one may still come before it.
  if (isTied(value)) return false
  return sorted > order.length || compareFieldValues(value, worst.values[0] ?? null) !== 0
}

function isTied(value: FieldValue): boolean {
  return typeof value === 'string' && isCut(encodeFieldValue(value))
}
