import assert from 'node:assert/strict'
import { test } from 'node:test'
import { json } from 'evert'
import { PlaceOrder } from './contracts.ts'
import { PostedOrder } from './posted-order.ts'

const bodies = [
  '{"customerId":-0,"deliveryLocation":"CA","product":"MUGS","quantity":-0,"price":-0}',
  '{"customerId":-0,"deliveryLocation":"CA","lines":[{"product":"MUGS","quantity":-0,"price":-0.0}]}',
]
for (const body of bodies) {
  test(`what is posted is what the log gives back: ${body}`, () => {
    const posted = PostedOrder.parse(JSON.parse(body))
    const codec = json(PlaceOrder)
    assert.deepEqual(codec.decode(codec.encode(posted)), posted)
  })
}
