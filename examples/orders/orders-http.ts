/**
 * The HTTP side of the orders service: commands in, orders out.
 *
 *   POST /v1/orders                             places an order; the same Idempotency-Key places it once
 *   GET  /v1/orders/{id}?timeout=ms             the order; waits so long for it to appear
 *   GET  /v1/orders/{id}/validated?timeout=ms   the order when it is VALIDATED or FAILED
 */
import { createHash, randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { formatPosition, type GetResult, parsePosition } from 'evert'
import {
  POSITION_HEADER,
  ProblemError,
  problem,
  type RequestContext,
  type Router,
  router,
} from 'evert/service'
import type { Order, PlaceOrder } from './contracts.ts'
import { ordersById } from './orders.ts'
import { PostedOrder } from './posted-order.ts'

/** Appends the command to the log; resolves when it is durable. */
export type Place = (id: string, command: PlaceOrder) => Promise<unknown>

export function ordersApi(place: Place): Router {
  return router()
    .post('/v1/orders', async ({ request, json, signal }) => {
      const id = idFor(request.headers.get('idempotency-key'))
      const command = await json(PostedOrder)
      await place(id, command)
      const found = await ordersById.waitFor(id, order => order !== undefined, { signal })
      const created: Order = { ...command, id, state: 'CREATED', reasons: [] }
      if (!isDeepStrictEqual({ ...found.value, state: 'CREATED', reasons: [] }, created)) {
        return problem(422, {
          detail: 'The Idempotency-Key was used for an order with another content. Use a new one.',
          field: 'idempotency-key',
        })
      }
      const headers = { location: `/v1/orders/${id}`, ...positionOf(found) }
      return Response.json(created, { status: 201, headers })
    })
    .get('/v1/orders/:id', context => answer(context, order => order !== undefined))
    .get('/v1/orders/:id/validated', context =>
      answer(context, order => order !== undefined && order.state !== 'CREATED'),
    )
}

/** The same key gives the same id, on any instance and after any restart. */
function idFor(key: string | null): string {
  if (key === null) return randomUUID()
  if (key.trim() !== '' && key.length <= 255)
    return createHash('sha256').update(key).digest('base64url').slice(0, 22)
  throw new ProblemError(400, {
    detail: 'An Idempotency-Key has 1 to 255 characters.',
    field: 'idempotency-key',
  })
}

async function answer(
  { params: { id }, url, signal }: RequestContext<{ id: string }>,
  isSo: (order: Order | undefined) => boolean,
): Promise<Response> {
  const { timeoutMs, minPosition } = waitOf(url.searchParams)
  // Without a wait, an order that is not there is no error of time: 404.
  const found =
    timeoutMs === 0
      ? await ordersById.getWithPosition(id, { minPosition, signal })
      : await ordersById.waitFor(id, isSo, { minPosition, timeoutMs, signal })
  if (isSo(found.value)) return Response.json(found.value, { headers: positionOf(found) })
  const words = found.value === undefined ? 'There is no order' : 'There is no verdict yet on the order'
  return problem(404, { detail: `${words} ${JSON.stringify(id)}. To wait for it, add ?timeout= in ms.` })
}

function waitOf(query: URLSearchParams) {
  const valid = ['timeout', 'minPosition']
  const unknown = [...query.keys()].find(name => !valid.includes(name))
  const timeout = query.get('timeout') ?? '0'
  if (unknown !== undefined) {
    throw new ProblemError(400, { detail: `There is no parameter "${unknown}".`, field: unknown, valid })
  }
  if (!/^\d{1,5}$/.test(timeout)) {
    throw new ProblemError(400, { detail: 'The timeout is in ms, 0 to 99999.', field: 'timeout' })
  }
  return { timeoutMs: Number(timeout), minPosition: parsePosition(query.get('minPosition') ?? '') }
}

function positionOf({ position }: GetResult<Order>): Record<string, string> {
  return { [POSITION_HEADER]: formatPosition(position), 'cache-control': 'no-store' }
}
