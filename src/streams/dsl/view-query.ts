import type { Position } from '../../contracts/position.ts'
import type { KeyBounds } from '../processors/byte-range.ts'
import type { Windowed } from '../processors/windowed-key.ts'

/** What a view can filter, order and index by. */
export type Scalar = string | number | boolean | null

/** The names of the fields of V that hold scalars (or nothing): only these can be filtered, ordered and indexed. */
export type ScalarField<V> = {
  [F in keyof V & string]-?: [V[F]] extends [Scalar | undefined] ? F : never
}[keyof V & string]

/**
 * Conditions by field; several are ANDed. A plain value means `eq`. A missing field counts as null.
 *
 * @example
 * openOrders.find({ fulfilled: false, deliveryLocation: 'CA', orderValue: { gt: 100 } })
 */
export type Where<V> = { readonly [F in ScalarField<V>]?: Condition<NullForMissing<V[F]>> }

export type Condition<T> = T | Operators<T>

/**
 * Operators of one field; several are ANDed. Order is that of numbers, of booleans (false first) or of the code units
 * of strings; a value of another type than the operand matches `ne` only.
 */
export interface Operators<T> {
  readonly eq?: T
  readonly ne?: T
  readonly gt?: NonNullable<T>
  readonly gte?: NonNullable<T>
  readonly lt?: NonNullable<T>
  readonly lte?: NonNullable<T>
  readonly in?: readonly T[]
  /** Both ends included. */
  readonly between?: readonly [NonNullable<T>, NonNullable<T>]
}

type NullForMissing<T> = undefined extends T ? Exclude<T, undefined> | null : T

/** Fields in order of weight. Null comes first, then booleans, numbers, strings; `desc` turns that around. */
export type OrderBy<V> = { readonly [F in ScalarField<V>]?: 'asc' | 'desc' }

export interface ReadOptions {
  /** Wait until the view has applied the log up to here. A write returns its position. Default: do not wait. */
  readonly minPosition?: Position
  /** How long to wait: for the position, a view whose partitions are not here yet, a row. Default 10 000. */
  readonly timeoutMs?: number
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/**
 * Rows by key, in the order of the encoded keys. Of the keys of windows the start comes first, then the key; of those of
 * sessions the end, the start, the key.
 *
 * @example
 * await perMinute.find({}, { keys: { fromMs: 0, toMs: 3_599_999 } })
 */
export type KeyCondition<K> =
  | (KeyBounds<K> & { readonly prefix?: never })
  | { readonly prefix: string | Buffer }
  | ([K] extends [never] ? never : [K] extends [Windowed<unknown>] ? WindowTimes : never)

/** Windows that start, and sessions that end, between two times, both inclusive. */
export interface WindowTimes {
  readonly fromMs?: number
  readonly toMs?: number
}

export interface FindOptions<V, K = never> extends ReadOptions {
  /**
   * Only rows whose keys lie there; they alone are read. Default: all. Throws INVALID_ARGUMENT for bounds of a key codec
   * that keeps no order.
   */
  readonly keys?: KeyCondition<K>
  /** Default: by the bytes of the encoded key, ascending. Rows that are equal in it follow in order of their key. */
  readonly orderBy?: OrderBy<V>
  /** Rows at most. Default: all. */
  readonly limit?: number
  /** Where the page before ended: its `cursor`. Query and order must be the same. */
  readonly cursor?: string
}

export interface Row<K, V> {
  readonly key: K
  readonly value: V
}

export interface FindResult<K, V> {
  readonly rows: readonly Row<K, V>[]
  /** Given when there are more rows: pass it on for the next page. */
  readonly cursor?: string
  /** What the rows reflect. */
  readonly position: Position
}

export interface GetResult<V> {
  readonly value: V | undefined
  readonly position: Position
}
