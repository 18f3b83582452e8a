import { test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import {
  joinGlobalTable,
  joinTablesBehindRepartitions,
  joinTablesByForeignKey,
} from '../partitions/scenarios.ts'
import { startKafka, whyNoKafka } from './kafka.ts'

const whyNot = await whyNoKafka()

test('foreign-key and global joins on Apache Kafka', { skip: whyNot ?? false }, async t => {
  const kafka = await startKafka()
  t.after(() => kafka.stop())
  await using cluster = await openCluster(kafka.url)
  await t.test('4 and 3 partitions', () => joinTablesByForeignKey(cluster, 4, 3))
  await t.test('3 and 4 partitions', () => joinTablesByForeignKey(cluster, 3, 4))
  await t.test('a global table', () => joinGlobalTable(cluster))
  await t.test('behind repartitions', () => joinTablesBehindRepartitions(cluster))
})
