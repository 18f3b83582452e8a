import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { MAX_LINES } from '../../examples/orders/contracts.ts'
import { startOrders } from './orders-process.ts'

/** 64 characters, the longest there are: 192 bytes each. */
const product = (index: number): string => `${index}`.padEnd(64, '€')

test('the largest order that is accepted gets its verdict, and a larger one is refused', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'evert-largest-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const shop = await startOrders(['--kafka-port', '0', '--rate', '0', '--data', directory])
  const place = (count: number) =>
    fetch(`${shop.url}/v1/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        customerId: 1,
        deliveryLocation: 'CA',
        lines: Array.from({ length: count }, (_, index) => ({
          product: product(index),
          quantity: 0,
          price: -1,
        })),
      }),
    })
  assert.equal((await place(MAX_LINES + 1)).status, 400)
  const accepted = await place(MAX_LINES)
  assert.equal(accepted.status, 201)
  const { id } = (await accepted.json()) as { id: string }
  const response = await fetch(`${shop.url}/v1/orders/${id}/validated?timeout=30000`)
  assert.equal(response.status, 200)
  assert.equal(((await response.json()) as { state: string }).state, 'FAILED')
  await shop.kill('SIGTERM')
})
