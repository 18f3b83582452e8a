/**
 * Places generated orders over HTTP, as any client would. An answer that does not come is asked for again under the
 * same Idempotency-Key, so that no order is placed twice.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { PlaceOrder } from '../contracts.ts'
import { generatedKey, generatedOrder } from './generated-order.ts'

export interface GeneratorOptions {
  /** `http://host:port` of the orders service. */
  readonly url: string
  readonly seed: number
  /** Number of the first order. Default 0. */
  readonly from?: number
  /** Orders to place. Default: until the signal. */
  readonly count?: number
  /** Orders a second. Default: as fast as they are taken. */
  readonly rate?: number | undefined
  /** Ends the placing early; what is under way is still waited for. */
  readonly signal: AbortSignal
  readonly onPlaced?: (order: { id: string; index: number }) => void
}

const CONCURRENT = 32
const GIVE_UP_AFTER_MS = 60_000
const RETRY_AFTER_MS = 200

export async function generate(options: GeneratorOptions): Promise<void> {
  const { url, seed, from = 0, count = Number.POSITIVE_INFINITY, rate, signal, onPlaced } = options
  const startMs = performance.now()
  let next = from
  const place = async () => {
    while (next < from + count && !signal.aborted) {
      const index = next++
      if (rate !== undefined) {
        const dueMs = startMs + ((index - from) * 1000) / rate
        if (!(await waited(dueMs - performance.now(), signal))) return
      }
      const order = generatedOrder(seed, index)
      const { id } = await placeOrder(url, order, generatedKey(seed, index), signal)
      onPlaced?.({ id, index })
    }
  }
  await Promise.all(Array.from({ length: CONCURRENT }, place))
}

/** True when the time has passed, false when the signal came first. */
async function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(Math.max(0, ms), undefined, { signal })
    return true
  } catch (error) {
    if (signal.aborted) return false
    throw error
  }
}

async function placeOrder(url: string, order: PlaceOrder, key: string, signal: AbortSignal) {
  const giveUpMs = performance.now() + GIVE_UP_AFTER_MS
  for (;;) {
    const answer = await post(`${url}/v1/orders`, order, key)
    if (answer instanceof Response && answer.status === 201) return (await answer.json()) as { id: string }
    const words = answer instanceof Response ? `${answer.status} ${await answer.text()}` : answer.message
    const hopeless = answer instanceof Response && answer.status < 500
    if (hopeless || signal.aborted || performance.now() > giveUpMs) {
      throw new Error(`The order ${key} was not placed: ${words}`)
    }
    await waited(RETRY_AFTER_MS, signal)
  }
}

/** The response, or the reason why none came. */
async function post(url: string, body: unknown, key: string): Promise<Response | Error> {
  try {
    return await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(body),
    })
  } catch (error) {
    return error as Error
  }
}
