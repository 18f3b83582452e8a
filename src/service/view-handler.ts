import { formatPosition, mergePositions, parsePosition, type Position } from '../contracts/position.ts'
import { EvertError } from '../errors.ts'
import type { View } from '../streams/dsl/view.ts'
import type { FindOptions, OrderBy, ScalarField, Where } from '../streams/dsl/view-query.ts'
import { InvalidQueryError } from '../views/where.ts'
import { problem } from './problem.ts'
import type { Handler } from './router.ts'
import { type FieldType, whereOf } from './where-query.ts'

/** Says in a response what it reflects. */
export const POSITION_HEADER = 'X-Evert-Position'
/** Asks in a request that the answer reflects at least this. */
export const MIN_POSITION_HEADER = 'X-Evert-Min-Position'

export interface ViewHandlerOptions<K, V> {
  /** The fields that queries may name. */
  readonly fields: { readonly [F in ScalarField<V>]?: FieldType }
  /** Reads the key out of the path. Default: the text itself. */
  readonly parseKey?: (text: string) => K
  /** Rows of a page when the query does not say. Default 100. */
  readonly defaultLimit?: number
  /** Rows of a page at most. Default 1000. */
  readonly maxLimit?: number
}

const RESERVED = ['limit', 'cursor', 'orderBy', 'minPosition', 'timeoutMs']
const MAX_TIMEOUT_MS = 60_000

/**
 * Serves a view: rows by conditions (see whereOf), and one row where the route's path has the parameter `:key`.
 * Rows come as `{ rows: [{ key, value }], cursor? }`, one row as its value or 404. `limit`, `cursor`,
 * `orderBy=field:desc,other`, `timeoutMs` and `minPosition` (or its header) are as in View.find; the position of
 * the answer is in the header X-Evert-Position.
 *
 * @example
 * const orders = viewHandler(openOrders, { fields: { fulfilled: 'boolean', orderValue: 'number' } })
 * router().get('/v1/orders', orders).get('/v1/orders/:key', orders)
 */
export function viewHandler<K extends string, V>(
  view: View<K, V>,
  options: ViewHandlerOptions<K, V>,
): Handler<unknown>
export function viewHandler<K, V>(
  view: View<K, V>,
  options: ViewHandlerOptions<K, V> & { readonly parseKey: (text: string) => K },
): Handler<unknown>
export function viewHandler<K, V>(view: View<K, V>, options: ViewHandlerOptions<K, V>): Handler<unknown> {
  const { parseKey = text => text as K, defaultLimit = 100, maxLimit = 1000 } = options
  const fields = options.fields as Record<string, FieldType>
  const clash = Object.keys(fields).find(field => field === 'operator' || RESERVED.includes(field))
  if (clash !== undefined) {
    throw new EvertError(
      'INVALID_ARGUMENT',
      `The field "${clash}" cannot be queried over HTTP: the name is taken.`,
    )
  }

  return async ({ request, url, params, signal }) => {
    const query = url.searchParams
    const read = { signal, minPosition: minPositionOf(request, query), ...timeoutOf(query) }
    const { key } = params as { key?: string }
    if (key !== undefined) {
      assertOnly(query, ['minPosition', 'timeoutMs'])
      const { value, position } = await view.getWithPosition(parseKey(key), read)
      const headers = positionHeaders(position)
      if (value !== undefined) return Response.json(value, { headers })
      return problem(
        404,
        { detail: `"${view.name}" has no row with the key ${JSON.stringify(key)}.` },
        headers,
      )
    }
    const where = whereOf(query, fields, RESERVED) as Where<V>
    const cursor = single(query, 'cursor')
    const find: FindOptions<V> = {
      ...read,
      limit: wholeNumber(query, 'limit', maxLimit) ?? defaultLimit,
      orderBy: orderByOf(query, fields) as OrderBy<V>,
      ...(cursor !== undefined && { cursor }),
    }
    const { position, ...page } = await view.find(where, find)
    return Response.json(page, { headers: positionHeaders(position) })
  }
}

function positionHeaders(position: Position): Record<string, string> {
  return { [POSITION_HEADER]: formatPosition(position), 'cache-control': 'no-store' }
}

function minPositionOf(request: Request, query: URLSearchParams): Position {
  const texts = [request.headers.get(MIN_POSITION_HEADER), single(query, 'minPosition')]
  return mergePositions(...texts.map(text => parsePosition(text ?? '')))
}

function timeoutOf(query: URLSearchParams): { timeoutMs?: number } {
  const timeoutMs = wholeNumber(query, 'timeoutMs', MAX_TIMEOUT_MS)
  return timeoutMs === undefined ? {} : { timeoutMs }
}

function orderByOf(query: URLSearchParams, fields: Record<string, FieldType>): Record<string, string> {
  const text = single(query, 'orderBy')
  if (text === undefined) return {}
  const valid = Object.keys(fields)
  const order = text.split(',').map((part): [string, string] => {
    const [field = '', direction = 'asc', ...more] = part.split(':')
    if (Object.hasOwn(fields, field) && more.length === 0) return [field, direction]
    throw new InvalidQueryError(
      `There is no order ${JSON.stringify(part.slice(0, 100))}. Write "field" or "field:desc", parted by commas; ` +
        `valid fields: ${valid.join(', ')}.`,
      { field: 'orderBy', valid },
    )
  })
  return Object.fromEntries(order)
}

function wholeNumber(query: URLSearchParams, name: string, max: number): number | undefined {
  const text = single(query, name)
  if (text === undefined) return undefined
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0
  if (value >= 1 && value <= max) return value
  throw new InvalidQueryError(
    `"${name}" is a whole number from 1 to ${max}, not ${JSON.stringify(text.slice(0, 100))}.`,
    { field: name },
  )
}

function single(query: URLSearchParams, name: string): string | undefined {
  const [text, ...more] = query.getAll(name)
  if (more.length > 0) throw new InvalidQueryError(`The parameter "${name}" is given twice.`, { field: name })
  return text
}

function assertOnly(query: URLSearchParams, valid: readonly string[]): void {
  for (const name of query.keys()) {
    if (valid.includes(name)) continue
    throw new InvalidQueryError(
      `There is no parameter ${JSON.stringify(name.slice(0, 100))} for one row. Valid: ${valid.join(', ')}.`,
      { field: name, valid },
    )
  }
}
