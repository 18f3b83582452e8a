import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBroker } from '../../src/broker/broker.ts'
import { openMemoryStorage } from '../../src/broker/storage/storage.ts'
import { createTopics, listOffsets, listTopics } from '../../src/client/admin.ts'
import { type Cluster, clusterFromTransport, transportOptions } from '../../src/client/cluster.ts'
import { Producer } from '../../src/client/producer.ts'
import { inProcessTransport } from '../../src/client/transport/in-process.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { type Application, startApplication } from '../../src/streams/runtime/application.ts'
import type { ApplicationOptions } from '../../src/streams/runtime/application-options.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { committedCounts, countingTopology, latest, upTo, words } from '../exactly-once/counting.ts'

const WORDS = 20

async function openLog(settings: { sessionTimeoutMs?: number; standbyReplicas?: number } = {}) {
  const storage = await openMemoryStorage({})
  const broker = await openBroker({ storage, heartbeatIntervalMs: 20, standbyReplicas: 1, ...settings })
  const cluster = clusterFromTransport(inProcessTransport(broker, transportOptions()))
  await createTopics(cluster, [{ name: words.name, partitions: 3 }])
  return {
    cluster,
    async [Symbol.asyncDispose]() {
      await cluster.close()
      await broker.close()
    },
  }
}

/** Records applied by restores, by task. */
type Restored = Map<string, number>

async function start(cluster: Cluster, options: Partial<ApplicationOptions> = {}) {
  const restored: Restored = new Map()
  const application = await startApplication({
    topology: countingTopology('counting'),
    cluster,
    engine: new MemoryEngine(),
    commitIntervalMs: 10,
    onRestore: (task, { records }) => restored.set(task, records),
    ...options,
  })
  await application.whenRunning()
  return { application, restored }
}

class Writer {
  readonly #producer: Producer
  written = 0

  constructor(cluster: Cluster) {
    this.#producer = new Producer(cluster)
  }

  async write(count: number): Promise<void> {
    for (let i = 0; i < count; i++, this.written++) {
      const word = Buffer.from(`word-${this.written % WORDS}`)
      this.#producer.append(words.name, undefined, this.written, Buffer.from(`k${this.written}`), word, [])
    }
    await this.#producer.flush()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#producer.close()
  }
}

const active = ({ application }: { application: Application }): string[] =>
  application.tasks().map(({ id }) => id)

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise(resolve => setTimeout(resolve, 5))
}

async function countedAll(cluster: Cluster, written: number): Promise<void> {
  await until(async () => {
    const found = await committedCounts(cluster)
    return [...found.values()].reduce((sum, list) => sum + list.length, 0) >= written
  })
  const found = await committedCounts(cluster)
  assert.equal(found.size, WORDS)
  for (const [word, counts] of found) assert.deepEqual(counts, upTo(written / WORDS), word)
}

/** The tasks of the counting sub-topology that run on either, each with a copy on the other. */
async function untilWarm(...instances: { application: Application }[]): Promise<void> {
  await until(() => {
    const running = instances.flatMap(active)
    const copies = instances.flatMap(({ application }) => application.standbys())
    return running.length === 6 && copies.length === 3 && copies.every(({ lag }) => lag === 0)
  })
}

test('a standby task is warm, and takes over without a restore when its instance leaves', async () => {
  await using log = await openLog()
  const one = await start(log.cluster)
  await using writer = new Writer(log.cluster)
  await writer.write(20_000)
  await countedAll(log.cluster, writer.written)
  const two = await start(log.cluster)
  await untilWarm(one, two)
  for (const { id } of two.application.standbys()) assert.ok(active(one).includes(id), id)
  await writer.write(2_000)
  await countedAll(log.cluster, writer.written)
  await untilWarm(one, two)
  const moving = two.application.standbys().map(({ id }) => id)
  two.restored.clear()

  await one.application.close()
  await until(() => active(two).length === 6)
  for (const id of moving) assert.ok((two.restored.get(id) ?? 0) < 100, `${id}: ${two.restored.get(id)}`)
  await writer.write(2_000)
  await countedAll(log.cluster, writer.written)
  await two.application.close()
})

test('an instance that dies within a transaction holds nobody up', async () => {
  await using log = await openLog()
  const one = await start(log.cluster, { commitIntervalMs: 1_500 })
  const two = await start(log.cluster)
  await untilWarm(one, two)
  await using writer = new Writer(log.cluster)
  await writer.write(2_000)
  await countedAll(log.cluster, writer.written)
  await writer.write(2_000)
  await until(async () => await hasOpenTransaction(log.cluster))

  const startedAt = performance.now()
  await one.application.abandon()
  await until(() => active(two).length === 6)
  await countedAll(log.cluster, writer.written)
  const tookMs = performance.now() - startedAt
  assert.ok(
    tookMs < 5_000,
    `its transaction, which would have timed out after 10 s, was waited for: ${tookMs} ms`,
  )
  await two.application.close()
})

/** Whether records of the repartition topic wait for the end of a transaction. */
async function hasOpenTransaction(cluster: Cluster): Promise<boolean> {
  const topics = (await listTopics(cluster)).filter(({ name }) => name.endsWith('-repartition'))
  const places = topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partition }) => ({ topic: name, partition, at: 'latest' as const })),
  )
  const [stable, all] = await Promise.all([
    listOffsets(cluster, places),
    listOffsets(cluster, places, { isolation: 'read_uncommitted' }),
  ])
  return stable.some(({ offset }, i) => offset < (all[i]?.offset ?? 0))
}

test('a standby of a table over its own topic follows what is processed, not more, and takes over', async () => {
  await using log = await openLog()
  const topology = () => {
    const builder = new StreamsBuilder({ optimize: ['reuse.ktable.source.topics'] })
    const table = builder.table(latest, { store: 'rows' })
    table.toStream().groupByKey().count({ store: 'seen' })
    return builder.build('copies')
  }
  await createTopics(log.cluster, [{ name: latest.name, partitions: 2 }])
  const one = await start(log.cluster, { topology: topology() })
  await using producer = new Producer(log.cluster)
  const write = async (round: number): Promise<void> => {
    for (let i = 0; i < 500; i++) {
      producer.append(latest.name, undefined, i, Buffer.from(`k${i}`), Buffer.from(`v${round}`), [])
    }
    await producer.flush()
  }
  for (let round = 0; round < 10; round++) await write(round)
  const two = await start(log.cluster, { topology: topology() })
  await until(() => two.application.standbys().length > 0)
  await write(10)
  const ends = await listOffsets(
    log.cluster,
    [0, 1].map(partition => ({ topic: latest.name, partition, at: 'latest' as const })),
  )
  // What a standby takes for the end of a source topic is what was processed when it last asked.
  await until(() =>
    two.application
      .standbys()
      .every(({ id, reached }) => reached.get('rows') === ends[Number(id.split('_')[1])]?.offset),
  )
  const moving = two.application.standbys().map(({ id }) => id)
  two.restored.clear()
  await one.application.close()
  await until(() => active(two).length === 2)
  for (const id of moving) assert.ok((two.restored.get(id) ?? 0) < 500, `${id}: ${two.restored.get(id)}`)
  await write(11)
  const rows = () =>
    two.application.tasks().flatMap(({ stores }) => [...stores.committed<string>('rows').range()])
  await until(() => rows().every(([, { value }]) => value === 'v11'))
  assert.equal(rows().length, 500)
  const seen = two.application
    .tasks()
    .flatMap(({ stores }) => [...stores.committed<number>('seen').range()])
    .map(([, { value }]) => value)
  assert.deepEqual(
    seen,
    Array.from({ length: 500 }, () => 12),
  )
  await two.application.close()
})
