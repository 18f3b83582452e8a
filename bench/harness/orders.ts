import { type Codec, json, string, topic } from 'evert'
import type { TypedRecord } from 'evert/testing'

/** About 100 bytes as JSON. */
export interface Order {
  readonly orderId: string
  readonly customerId: string
  readonly state: string
  readonly quantity: number
  readonly price: number
}

/** JSON without a schema: what is measured is not the schema's library. */
export const orderJson = json() as unknown as Codec<Order>

export const text = (name: string) => topic(name, { key: string, value: string })

export const START_MS = 1_700_000_000_000

/** One of `keys` customers: at random, and the same in every run. */
export function customerOf(index: number, keys: number): string {
  let mixed = Math.imul(index + 1, 0x9e3779b1)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return `customer-${((mixed ^ (mixed >>> 16)) >>> 0) % keys}`
}

export function orderOf(index: number, customers: number): Order {
  return {
    orderId: `order-${index}`,
    customerId: customerOf(index, customers),
    state: 'CREATED',
    quantity: index % 10,
    price: 1_299,
  }
}

/** `count` records of 100 bytes with one of `keys` keys, one every `everyMs`. */
export function* textRecords(
  count: number,
  { keys, everyMs = 1, shift = 0 }: { keys: number; everyMs?: number; shift?: number },
): Generator<TypedRecord<string, string>> {
  for (let index = 0; index < count; index++) {
    yield {
      key: customerOf(index + shift, keys),
      value: `{"orderId":"${index}","state":"CREATED","quantity":10,"price":1299}`.padEnd(100, ' '),
      timestamp: START_MS + Math.floor(index * everyMs),
    }
  }
}
