import type { Codec } from '../contracts/codec.ts'
import { describeValue } from '../contracts/schema.ts'
import { byteRange, type StoreRange } from '../streams/processors/byte-range.ts'
import { isTimeFirst } from '../streams/processors/windowed-key.ts'
import { timePart } from '../streams/state/key-parts.ts'
import type { KeyRange } from './key-ranges.ts'
import { InvalidQueryError } from './where.ts'

const FIELDS = ['from', 'to', 'prefix', 'fromMs', 'toMs']

/**
 * The rows of a view that a condition on keys asks for; undefined: all. Throws INVALID_QUERY for what is no condition,
 * and INVALID_ARGUMENT for bounds that the key codec cannot put in order.
 */
export function rangeOfKeys<K>(view: string, key: Codec<K>, condition: unknown): KeyRange | undefined {
  if (condition === undefined) return undefined
  if (typeof condition !== 'object' || condition === null) {
    throw invalid(`The condition on keys is an object, not ${describeValue(condition)}.`)
  }
  for (const field of Object.keys(condition)) {
    if (!FIELDS.includes(field)) {
      throw invalid(`A condition on keys has no ${JSON.stringify(field)}. Valid: ${FIELDS.join(', ')}.`)
    }
  }
  if (!('fromMs' in condition || 'toMs' in condition)) {
    return byteRange(view, key, condition as StoreRange<K>)
  }
  if (!isTimeFirst(key)) {
    throw invalid(
      `The keys of the view "${view}" are no windows: ask with from, to or prefix, without times.`,
    )
  }
  const { fromMs = 0, toMs, ...others } = condition as { fromMs?: unknown; toMs?: unknown }
  if (Object.keys(others).length > 0) {
    throw invalid('A condition on keys has times, or from and to, or a prefix: one of them.')
  }
  return {
    from: timePart(timeOf('fromMs', fromMs)),
    to: toMs === undefined ? undefined : timePart(timeOf('toMs', toMs) + 1),
  }
}

function timeOf(name: string, value: unknown): number {
  if (Number.isSafeInteger(value)) return value as number
  throw invalid(`${name} is a time in whole milliseconds, not ${describeValue(value)}.`)
}

function invalid(message: string): InvalidQueryError {
  return new InvalidQueryError(message, { field: 'keys' })
}
