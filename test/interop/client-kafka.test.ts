import { openCluster } from '../../src/client/index.ts'
import { clientScenarios } from './client-scenarios.ts'
import { type KafkaOptions, startKafka, whyNoKafka } from './kafka.ts'

const target = (options: KafkaOptions) => async () => {
  const kafka = await startKafka(options)
  return { openCluster: () => openCluster(kafka.url), stop: () => kafka.stop() }
}

clientScenarios('client on Apache Kafka', target({}), await whyNoKafka())

const older = { features: { 'transaction.version': 0 } }
clientScenarios(
  'client on Apache Kafka with the older transaction protocol',
  target(older),
  await whyNoKafka(older),
)
