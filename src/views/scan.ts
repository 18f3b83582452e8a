import { assert } from '../internal/assert.ts'
import type { ByteStore, ByteString } from '../streams/state/byte-store.ts'
import { encodeFieldValue, isCut, keyOfEntry, valueOfEntry } from './index-codec.ts'
import { ALL, intersect, isEmpty, type KeyRange, rangeOfPrefix } from './key-ranges.ts'
import type { LocalTask } from './local-tasks.ts'
import type { IndexScan, Scan } from './plan.ts'
import type { OrderTerm, RowPlace } from './row-order.ts'

export interface RowsWanted {
  readonly order: readonly OrderTerm[]
  /** Rows up to this place may be left out where that saves reading them. */
  readonly after?: RowPlace | undefined
  readonly keys?: KeyRange | undefined
}

/** The rows of a scan. */
export function rowsOf<V>(
  task: LocalTask<V>,
  scan: Scan,
  { order, after, keys = ALL }: RowsWanted,
): Iterable<readonly [ByteString, V]> {
  if (scan.kind === 'full') {
    const rest = after !== undefined && order.length === 0 ? { from: next(after.key), to: undefined } : ALL
    const { from, to } = intersect(keys, rest)
    return isEmpty({ from, to }) ? [] : task.rows.range(from, to)
  }
  return rowsOfIndex(task, scan, order, after)
}

function* rowsOfIndex<V>(
  task: LocalTask<V>,
  scan: IndexScan,
  order: readonly OrderTerm[],
  after: RowPlace | undefined,
): Iterable<readonly [ByteString, V]> {
  for (const entry of entriesOf(scan, order, after)) {
    const key = keyOfEntry(entry)
    if (!scan.probes.every(probe => isIn(probe, key))) continue
    const row = task.rows.get(key)
    assert(row !== undefined, `the index of "${scan.field}" names a row that its store does not have`)
    yield [key, row]
  }
}

/** Whether the row stands in the other index too: a tenth of the cost of reading the row. */
function isIn({ index, ranges }: IndexScan, key: ByteString): boolean {
  const [range] = ranges
  return range?.from !== undefined && index.get(range.from + key) !== undefined
}

function* entriesOf(
  scan: IndexScan,
  order: readonly OrderTerm[],
  after: RowPlace | undefined,
): Iterable<ByteString> {
  const ranges = scan.descending ? scan.ranges.toReversed() : scan.ranges
  const seek = after === undefined ? undefined : seekPlace(scan, order, after)
  for (const range of ranges) {
    if (scan.descending) yield* descending(scan.index, range, seek)
    else yield* ascending(scan.index, range, seek)
  }
}

/** Where the rows after a place begin: after the entry `value + key`, with rows of `value` still to come. */
interface Seek {
  readonly value: ByteString
  readonly entry: ByteString
}

function seekPlace(scan: IndexScan, order: readonly OrderTerm[], after: RowPlace): Seek | undefined {
  const [first, second] = order
  if (first === undefined) {
    const value = scan.ranges[0]?.from
    return scan.oneValue && value !== undefined ? { value, entry: next(value + after.key) } : undefined
  }
  if (first.field !== scan.field || first.descending !== scan.descending) return undefined
  const value = encodeFieldValue(after.values[0] ?? null)
  // Within one value the entries follow the key: only with one ordering field and an uncut value is that the order.
  return { value, entry: second === undefined && !isCut(value) ? next(value + after.key) : value }
}

function* ascending(index: ByteStore, range: KeyRange, seek: Seek | undefined): Iterable<ByteString> {
  const { from, to } = seek === undefined ? range : intersect(range, { from: seek.entry, to: undefined })
  if (isEmpty({ from, to })) return
  for (const [entry] of index.range(from, to)) yield entry
}

/** From the last value to the first; within a value by key, ascending, as every order of rows has it. */
function* descending(index: ByteStore, range: KeyRange, seek: Seek | undefined): Iterable<ByteString> {
  let rest =
    seek === undefined ? range : intersect(range, { from: undefined, to: rangeOfPrefix(seek.value).to })
  while (!isEmpty(rest)) {
    const last = lastEntry(index, rest)
    if (last === undefined) return
    const value = valueOfEntry(last)
    const ofValue = intersect(rest, rangeOfPrefix(value))
    yield* ascending(index, ofValue, seek?.value === value ? seek : undefined)
    rest = { from: rest.from, to: value }
  }
}

function lastEntry(index: ByteStore, range: KeyRange): ByteString | undefined {
  for (const [entry] of index.range(range.from, range.to, { reverse: true })) return entry
  return undefined
}

/** The first byte string after this one. */
function next(key: ByteString): ByteString {
  return `${key}\x00`
}
