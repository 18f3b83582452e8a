import { test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import { moveTasksWithCalls } from '../partitions/moving-calls.ts'
import { startKafka, whyNoKafka } from './kafka.ts'

const whyNot = await whyNoKafka()

test('tasks with pending calls move between instances on Apache Kafka', {
  skip: whyNot ?? false,
}, async t => {
  const kafka = await startKafka()
  t.after(() => kafka.stop())
  await using cluster = await openCluster(kafka.url)
  await moveTasksWithCalls(cluster)
})
