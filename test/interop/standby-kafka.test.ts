import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import { failover } from '../crash/failover.ts'
import { startKafka, whyNoKafka } from './kafka.ts'

/** Kafka's own least is 45 s. */
const KAFKA = { settings: { 'group.streams.min.session.timeout.ms': 6_000 } }

// A cluster of somebody else's may not allow such sessions.
const whyNot =
  process.env.KAFKA_BROKERS === undefined ? await whyNoKafka(KAFKA) : 'KAFKA_BROKERS has settings of its own'

test('on Apache Kafka a standby takes over within ten seconds of a kill -9, with sessions of six', {
  skip: whyNot ?? false,
}, async t => {
  const kafka = await startKafka(KAFKA)
  t.after(() => kafka.stop())
  await using cluster = await openCluster(kafka.url)
  const applicationId = `counting-${process.hrtime.bigint().toString(36)}`
  const settings = { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 500 }
  const tookMs = await failover(t, { cluster, url: kafka.url, applicationId, settings })
  t.diagnostic(`${Math.round(tookMs)} ms from the kill to the last new count`)
  assert.ok(tookMs < 10_000, `${tookMs} ms`)
})
