import { test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import { endsAtWhatIsTooLarge, passesOverWhatIsTooLarge } from '../errors/too-large.ts'
import { startKafka, whyNoKafka } from './kafka.ts'

const whyNot = await whyNoKafka()

test('what is too large for its topic on Apache Kafka', { skip: whyNot ?? false }, async t => {
  const kafka = await startKafka()
  t.after(() => kafka.stop())
  await using cluster = await openCluster(kafka.url)
  // A cluster that outlives the test has topics of earlier runs.
  const run = process.hrtime.bigint().toString(36)
  await t.test('is passed over one by one', () => passesOverWhatIsTooLarge({ cluster, prefix: `${run}-a-` }))
  await t.test('ends an application without a policy', () =>
    endsAtWhatIsTooLarge({ cluster, prefix: `${run}-b-` }),
  )
})
