import type { ByteStore, ByteString } from '../streams/state/byte-store.ts'
import { ALL, type FieldRanges, type KeyRange, rangesOf } from './key-ranges.ts'
import type { LocalTask } from './local-tasks.ts'
import type { OrderTerm } from './row-order.ts'
import type { Term } from './where.ts'

/**
 * Chooses how one task's rows are read for a query.
 *
 * Algorithm: every index that a condition narrows down is counted, all in step, until one is through: that one is the
 * smallest. Counting ends early at the size where another way is cheaper: for a limited query the scan in the wanted
 * order, which is expected to read limit × rows / matches rows, so both cost the same at √(limit × rows) matches; for an
 * unlimited query the scan of all rows in sequence, which beats point reads of more than about a quarter of them.
 *
 * State: none; the choice is made per query from what the stores hold now.
 *
 * Correctness does not depend on the choice: the conditions are checked again on every row, and every scan covers all
 * rows that can fulfil them.
 */
export function chooseScan(task: LocalTask<unknown>, query: ScanQuery): Scan {
  const { terms, order, limit } = query
  // Rows between two keys are read as they lie: who names keys has narrowed the view down.
  if (query.keys !== undefined) return FULL_SCAN
  const narrowed = indexScans(task, terms, order)
  const ordered = order.length === 0 ? keyOrderScan(narrowed) : orderIndexScan(task, terms, order)
  if (narrowed.length === 0) return limit !== undefined && ordered !== undefined ? ordered : FULL_SCAN

  // The only index there is stands in the wanted order too: nothing to weigh.
  if (limit !== undefined && ordered !== undefined && narrowed.length === 1 && ordered === narrowed[0])
    return ordered
  const rows = task.rows.size
  const cap = Math.ceil(limit === undefined ? rows / 4 : Math.sqrt((limit + 1) * rows))
  const smallest = smallestOf(narrowed, cap)
  if (smallest !== undefined) {
    return { ...smallest, probes: narrowed.filter(scan => scan !== smallest && scan.oneValue) }
  }
  if (limit === undefined) return FULL_SCAN
  return ordered ?? narrowed.find(scan => scan.oneValue) ?? narrowed[0] ?? FULL_SCAN
}

export interface ScanQuery {
  readonly terms: readonly Term[]
  readonly order: readonly OrderTerm[]
  readonly limit: number | undefined
  readonly keys?: KeyRange | undefined
}

export type Scan = FullScan | IndexScan

/** All rows, or those between two keys, in the order of their keys. */
export interface FullScan {
  readonly kind: 'full'
}

export interface IndexScan extends FieldRanges {
  readonly kind: 'index'
  readonly field: string
  readonly index: ByteStore
  /** Read the values from last to first (rows of one value still in order of their key). */
  readonly descending: boolean
  /** Indexes in which a row must stand too, at their one value: asked before the row is read. */
  readonly probes: readonly IndexScan[]
}

const FULL_SCAN: FullScan = { kind: 'full' }

/**
 * How many of the order's criteria (its fields, then the key) the scan's rows are sorted by; 0 when unsorted.
 * A full scan is sorted by key alone, an index scan by its field, then by key.
 */
export function sortedBy(scan: Scan, order: readonly OrderTerm[]): number {
  const [first, second] = order
  if (scan.kind === 'full') return first === undefined ? 1 : 0
  if (first === undefined) return scan.oneValue ? 1 : 0
  if (first.field !== scan.field || first.descending !== scan.descending) return 0
  return second === undefined ? 2 : 1
}

function indexScans(
  task: LocalTask<unknown>,
  terms: readonly Term[],
  order: readonly OrderTerm[],
): IndexScan[] {
  const scans: IndexScan[] = []
  for (const field of new Set(terms.map(term => term.field))) {
    const ranges = rangesOf(terms.filter(term => term.field === field))
    const index = ranges === undefined ? undefined : task.index(field)
    if (ranges === undefined || index === undefined) continue
    const descending = order[0]?.field === field && order[0].descending
    scans.push({ kind: 'index', field, index, descending, probes: [], ...ranges })
  }
  // Equality before ranges: it is the first choice where the counts do not decide.
  return scans.toSorted((a, b) => Number(b.oneValue) - Number(a.oneValue))
}

function keyOrderScan(narrowed: readonly IndexScan[]): Scan {
  return narrowed.find(scan => scan.oneValue) ?? FULL_SCAN
}

function orderIndexScan(
  task: LocalTask<unknown>,
  terms: readonly Term[],
  order: readonly OrderTerm[],
): IndexScan | undefined {
  const [first] = order
  const index = first === undefined ? undefined : task.index(first.field)
  if (first === undefined || index === undefined) return undefined
  const { field, descending } = first
  const ranges = rangesOf(terms.filter(term => term.field === field)) ?? { ranges: [ALL], oneValue: false }
  return { kind: 'index', field, index, descending, probes: [], ...ranges }
}

function smallestOf(scans: readonly IndexScan[], cap: number): IndexScan | undefined {
  const counters = scans.map(scan => ({ scan, entries: entriesIn(scan) }))
  try {
    for (let count = 0; count <= cap; count++) {
      for (const { scan, entries } of counters) if (entries.next().done === true) return scan
    }
    return undefined
  } finally {
    for (const { entries } of counters) entries.return?.()
  }
}

function entriesIn({ index, ranges }: IndexScan): Iterator<readonly [ByteString, Buffer]> {
  const [first, second] = ranges
  // The common case, without a generator around the store's own: counting is most of what a small query costs.
  if (first !== undefined && second === undefined) return index.range(first.from, first.to)[Symbol.iterator]()
  return entriesInAll(index, ranges)
}

function* entriesInAll(
  index: ByteStore,
  ranges: readonly KeyRange[],
): Generator<readonly [ByteString, Buffer]> {
  for (const { from, to } of ranges) yield* index.range(from, to)
}
