import assert from 'node:assert/strict'
import { test } from 'node:test'
import { app, int64, openCluster, string, topic } from '../../src/index.ts'

const prices = topic('prices', { key: string, value: int64, partitions: 3 })

test('an application of nothing but a global table runs, answers, follows and closes', async () => {
  await using cluster = await openCluster('memory:global-only')
  const shop = app('shop')
  const table = shop.globalTable(prices).view('prices')
  {
    await using running = await shop.start({ cluster })
    await running.whenRunning()
    assert.equal(running.state, 'RUNNING')
    await running.append(prices, 'apple', 3)
    await table.waitFor('apple', price => price === 3)
    assert.deepEqual(running.position(), {})
  }
  await using again = await shop.start({ cluster })
  assert.equal(again.state, 'RUNNING')
  assert.equal(await table.get('apple'), 3)
})
