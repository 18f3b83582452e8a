import { openBroker } from '../../src/broker/broker.ts'
import { openMemoryStorage } from '../../src/broker/storage/storage.ts'
import {
  clusterFromTransport,
  inProcessTransport,
  openCluster,
  transportOptions,
} from '../../src/client/index.ts'
import { clientScenarios } from './client-scenarios.ts'

clientScenarios('client on the embedded broker, in process', async () => {
  const broker = await openBroker({ storage: await openMemoryStorage(), heartbeatIntervalMs: 50 })
  return {
    openCluster: async () => clusterFromTransport(inProcessTransport(broker, transportOptions())),
    stop: () => broker.close(),
  }
})

clientScenarios('client on the embedded broker, over TCP', async () => {
  const broker = await openBroker({
    storage: await openMemoryStorage(),
    listener: {},
    heartbeatIntervalMs: 50,
  })
  return {
    openCluster: () => openCluster(`kafka://${broker.address.host}:${broker.address.port}`),
    stop: () => broker.close(),
  }
})
