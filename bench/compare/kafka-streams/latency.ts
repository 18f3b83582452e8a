/** `npm run compare:latency`: from an order's append until who reads committed gets what follows from it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Cluster, createTopics, deleteTopics, Fetcher, openCluster, Producer } from 'evert/client'
import { startKafka } from '../../../test/interop/kafka.ts'
import { table } from '../../harness/statistics.ts'
import { startEvert } from './evert.ts'
import { orderOf } from './inputs.ts'
import { compileService } from './java-side.ts'
import { startKafkaStreams } from './kafka-streams.ts'
import type { StartService } from './service-work.ts'
import { orders, PARTITIONS } from './topics.ts'

const HELP = `Usage: npm run compare:latency -- [--rate N] [--seconds N] [--runs N]

  --rate N     orders per second, 10,000 by default
  --seconds N  how long, after 5 s that do not count; 20 by default
  --runs N     fresh processes per row, 3 by default

Orders are appended at a steady rate, counted by customer under exactly-once, and the counts are read as committed.
The latency is from the time of the order to the arrival of its count, all in milliseconds.`

const WARM_UP_SECONDS = 5
const BURST_EVERY_MS = 5

const { values: options } = parseArgs({
  options: {
    rate: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '20' },
    runs: { type: 'string', default: '3' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (options.help) {
  console.log(HELP)
  process.exit(0)
}
const [rate, seconds, runs] = [Number(options.rate), Number(options.seconds), Number(options.runs)]
const engines: Readonly<Record<string, StartService>> = {
  evert: startEvert,
  'kafka-streams': startKafkaStreams,
}

const kafka = await startKafka()
const classes = await mkdtemp(join(tmpdir(), 'evert-compare-java-'))
try {
  process.env['COMPARE_CLASS_PATH'] = await compileService(classes)
  const rows: string[][] = []
  for (let run = 0; run < runs; run++) {
    for (const commitIntervalMs of [100, 5]) {
      for (const [engine, start] of Object.entries(engines)) {
        const found = await measured(start, `latency-${engine}-${commitIntervalMs}-${run}`, commitIntervalMs)
        if (found.length === 0)
          throw new Error(`${engine} was so far behind that nothing came: lower the rate.`)
        const at = (share: number) => String(found[Math.floor((found.length - 1) * share)])
        rows.push([
          `${engine}, commits every ${commitIntervalMs} ms`,
          at(0.5),
          at(0.99),
          at(1),
          String(found.length),
        ])
      }
    }
  }
  console.log(
    `${rate} orders per second, ${seconds} s\n\n${table(['engine', 'p50 ms', 'p99 ms', 'max ms', 'results'], rows)}`,
  )
} finally {
  await kafka.stop()
  await rm(classes, { recursive: true, force: true })
}
process.exit(0)

/** The latencies, in ascending order. */
async function measured(
  start: StartService,
  applicationId: string,
  commitIntervalMs: number,
): Promise<number[]> {
  const cluster = await openCluster(kafka.url)
  const output = `${applicationId}.output`
  const configs = { 'retention.ms': '-1' }
  await createTopics(
    cluster,
    [orders.name, output].map(name => ({ name, partitions: PARTITIONS, replicationFactor: 1, configs })),
  )
  const stateDir = await mkdtemp(join(tmpdir(), 'evert-compare-'))
  const brokers = kafka.url.replace('kafka://', '')
  const service = await start({
    work: 'latency-count',
    brokers,
    applicationId,
    output,
    stateDir,
    commitIntervalMs,
  })
  const appending = appendSteadily(cluster)
  const found: number[] = []
  await using fetcher = new Fetcher(cluster)
  fetcher.assign(
    Array.from({ length: PARTITIONS }, (_, partition) => ({
      topic: output,
      partition,
      offset: 'latest' as const,
    })),
  )
  const beginsAt = Date.now() + WARM_UP_SECONDS * 1000
  const endsAt = beginsAt + seconds * 1000
  while (Date.now() < endsAt) {
    for (const { batches } of await Promise.race([fetcher.poll({ maxWaitMs: 100 }), service.failed])) {
      const now = Date.now()
      for (const batch of batches) {
        const records = batch.records()
        for (let index = 0; index < records.count; index++) {
          const appendedAt = records.timestamp(index)
          if (appendedAt >= beginsAt) found.push(now - appendedAt)
        }
      }
    }
  }
  await appending
  await service.end()
  // The next one begins with nothing to catch up with.
  await deleteTopics(cluster, [orders.name, output])
  await cluster.close()
  await rm(stateDir, { recursive: true, force: true })
  return found.toSorted((a, b) => a - b)
}

async function appendSteadily(cluster: Cluster): Promise<void> {
  await using producer = new Producer(cluster)
  const startedAt = Date.now()
  const total = (WARM_UP_SECONDS + seconds) * rate
  let index = 0
  while (index < total) {
    const now = Date.now()
    const due = Math.min(total, Math.floor(((now - startedAt) / 1000) * rate))
    for (; index < due; index++) {
      const order = orderOf(index)
      const key = Buffer.from(order.customerId)
      producer.append(orders.name, undefined, now, key, Buffer.from(JSON.stringify(order)), [])
    }
    await delay(BURST_EVERY_MS)
  }
  await producer.flush()
}
