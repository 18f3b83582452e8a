/** `npm run compare:memory`: an application that counts by millions of keys, and what its process takes while it does. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createTopics, openCluster, Producer } from 'evert/client'
import { startKafka } from '../../../test/interop/kafka.ts'
import { START_MS } from '../../harness/orders.ts'
import { startEvert } from './evert.ts'
import { residentBytesOf } from './process-usage.ts'
import { allCommitted } from './progress.ts'
import { orders, PARTITIONS } from './topics.ts'

const { values: options } = parseArgs({
  options: { keys: { type: 'string', default: '10000000' }, heap: { type: 'string', default: '256' } },
})
const keys = Number(options.keys)
const MIB = 2 ** 20
const LOOK_EVERY_MS = 50

const kafka = await startKafka()
const stateDir = await mkdtemp(join(tmpdir(), 'evert-compare-'))
try {
  const cluster = await openCluster(kafka.url)
  const output = 'memory.output'
  const configs = { 'retention.ms': '-1' }
  await createTopics(
    cluster,
    [orders.name, output].map(name => ({ name, partitions: PARTITIONS, replicationFactor: 1, configs })),
  )
  const producer = new Producer(cluster)
  const value = Buffer.from('{"orderId":"order-1","state":"CREATED"}')
  for (let index = 0; index < keys; index++) {
    producer.append(orders.name, undefined, START_MS + index, Buffer.from(`customer-${index}`), value, [])
    if (index % 1000 === 999 && producer.isFull) await producer.drained()
  }
  await producer.close()
  // A heap beyond the limit ends the process: that it comes to its end shows that the limit holds.
  process.execArgv.push(`--max-old-space-size=${options.heap}`)
  const brokers = kafka.url.replace('kafka://', '')
  const applicationId = 'memory'
  const service = await startEvert({
    work: 'count',
    brokers,
    applicationId,
    output,
    stateDir,
    commitIntervalMs: 100,
  })
  const startedAt = performance.now()
  const done = Promise.race([service.failed, allCommitted(cluster, applicationId, [orders.name])])
  const peak = { anonymous: 0, file: 0 }
  for (;;) {
    const now = residentBytesOf(service.pid)
    peak.anonymous = Math.max(peak.anonymous, now.anonymous)
    peak.file = Math.max(peak.file, now.file)
    const isDone = await Promise.race([done.then(() => true), delay(LOOK_EVERY_MS, false)])
    if (isDone) break
  }
  const seconds = (performance.now() - startedAt) / 1000
  console.log(
    `${keys} keys counted in ${seconds.toFixed(1)} s; peak of its own ${(peak.anonymous / MIB).toFixed(0)} MiB, ` +
      `mapped pages of files ${(peak.file / MIB).toFixed(0)} MiB; heap limited to ${options.heap} MiB`,
  )
  await service.end()
  await cluster.close()
} finally {
  await kafka.stop()
  await rm(stateDir, { recursive: true, force: true })
}
process.exit(0)
