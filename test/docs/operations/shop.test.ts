import assert from 'node:assert/strict'
import { test } from 'node:test'
import { orders, start } from './shop.ts'

test('an operator sees what the shop does', async () => {
  await using shop = await start('memory:operations')
  await shop.whenRunning()
  await shop.append(orders, 'north', 'a chair')

  const ready = await fetch(`${shop.http.url}/health/ready`)
  assert.equal(ready.status, 200)
  assert.deepEqual(Object.keys((await ready.json()) as object), ['status', 'state', 'restoredPercent', 'lag'])

  const scraped = await (await fetch(`${shop.http.url}/metrics`)).text()
  assert.match(scraped, /^evert_stream_client_state\{application="shop",state="RUNNING"\} 1$/m)

  const sent = shop.metrics().find(({ name }) => name === 'record-send-total')
  assert.deepEqual(
    sent?.samples.filter(({ labels }) => labels['topic'] === 'orders'),
    [{ labels: { topic: 'orders' }, value: 1 }],
  )
})
