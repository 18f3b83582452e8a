import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openEmbedded } from '../../src/broker/open-embedded.ts'
import { openCluster } from '../../src/app/open-cluster.ts'
import { failover } from './failover.ts'

test('a standby takes over within ten seconds of a kill -9, with default timeouts', async t => {
  const embedded = await openEmbedded('memory:', { listener: { port: 0 } })
  assert.equal(embedded.kind, 'owner')
  t.after(() => embedded.kind === 'owner' && embedded.close())
  const url = `kafka://127.0.0.1:${embedded.kind === 'owner' ? embedded.broker.address.port : 0}`
  await using cluster = await openCluster(url)
  const tookMs = await failover(t, { cluster, url, applicationId: 'counting', settings: {} })
  t.diagnostic(`${Math.round(tookMs)} ms from the kill to the last new count`)
  assert.ok(tookMs < 10_000, `${tookMs} ms`)
})
