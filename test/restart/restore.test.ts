import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createTopics, deleteTopics } from '../../src/client/admin.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { Producer } from '../../src/client/producer.ts'
import { openCluster } from '../../src/app/open-cluster.ts'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { Topology } from '../../src/streams/graph/topology.ts'
import { type Application, startApplication } from '../../src/streams/runtime/application.ts'
import type { StateEngine } from '../../src/streams/state/byte-store.ts'
import { LmdbEngine } from '../../src/streams/state/lmdb.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { committedCounts, countingTopology, words } from '../exactly-once/counting.ts'

async function write(cluster: Cluster, from: number, count: number): Promise<void> {
  await using producer = new Producer(cluster)
  for (let i = from; i < from + count; i++) {
    producer.append(words.name, undefined, i, Buffer.from(`k${i}`), Buffer.from(`word-${i % 50}`), [])
  }
  await producer.flush()
}

async function untilCounted(cluster: Cluster, total: number): Promise<void> {
  for (;;) {
    let sum = 0
    for (const list of (await committedCounts(cluster)).values()) sum += list.length
    if (sum >= total) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

interface Started {
  application: Application
  restored: () => number
  warnings: string[]
}

async function start(cluster: Cluster, engine: StateEngine, topology: Topology): Promise<Started> {
  const records = new Map<string, number>()
  const warnings: string[] = []
  const application = await startApplication({
    topology,
    cluster,
    engine,
    commitIntervalMs: 10,
    onRestore: (task, progress) => records.set(`${task} ${progress.store}`, progress.records),
    logger: { info() {}, warn: message => warnings.push(message) },
  })
  await application.whenRunning()
  return { application, restored: () => [...records.values()].reduce((sum, each) => sum + each, 0), warnings }
}

test('a restart restores nothing, a crash at most the last commit, a lost directory everything', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'evert-restore-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  await using cluster = await openCluster('memory:restore')
  await createTopics(cluster, [{ name: words.name, partitions: 3 }])
  const topology = countingTopology('counting')
  await write(cluster, 0, 1_000)

  const first = new LmdbEngine(directory)
  const one = await start(cluster, first, topology)
  assert.equal(one.restored(), 0)
  await untilCounted(cluster, 1_000)
  await one.application.close()
  await first.close()

  const second = new LmdbEngine(directory)
  const two = await start(cluster, second, topology)
  assert.equal(two.restored(), 0)
  await write(cluster, 1_000, 500)
  await untilCounted(cluster, 1_500)
  await two.application.abandon()
  await second.close()

  // What the log committed last may not have reached the state: never more than that.
  const third = new LmdbEngine(directory)
  const three = await start(cluster, third, topology)
  assert.ok(three.restored() <= 50, `${three.restored()} records were restored`)
  await three.application.close()
  await third.close()

  const other = new MemoryEngine()
  const four = await start(cluster, other, topology)
  assert.ok(four.restored() >= 50)
  await write(cluster, 1_500, 500)
  await untilCounted(cluster, 2_000)
  assert.deepEqual((await committedCounts(cluster)).get('word-7')?.at(-1), 40)
  await four.application.close()
})

test('a table over its source topic is restored up to the committed offset and logs nothing itself', async () => {
  await using cluster = await openCluster('memory:source-table')
  const prices = topic('prices', { key: string, value: int64, partitions: 1 })
  const builder = new StreamsBuilder()
  builder.table(prices, { store: 'prices' })
  const topology = builder.build('pricing')
  const engine = new MemoryEngine()
  const one = await start(cluster, engine, topology)
  await using producer = new Producer(cluster)
  for (let i = 0; i < 100; i++) {
    producer.append('prices', 0, i, Buffer.from(`k${i % 10}`), int64.encode(i), [])
  }
  await producer.flush()
  const [task] = one.application.tasks()
  while (task?.committed.get('prices') !== 100) await new Promise(resolve => setImmediate(resolve))
  await one.application.close()
  // Input that nobody has processed: it reaches the table as input, not by the restore.
  for (let i = 0; i < 50; i++) producer.append('prices', 0, 200, Buffer.from('later'), int64.encode(i), [])
  await producer.flush()

  const fresh = new MemoryEngine()
  const two = await start(cluster, fresh, topology)
  assert.equal(two.restored(), 100)
  const stores = two.application.tasks()[0]?.stores
  assert.deepEqual(stores?.committed<number>('prices').get('k3'), { value: 93, timestamp: 93 })
  await two.application.close()
})

test('state whose changelog was deleted and made again is dropped, and said so', async () => {
  await using cluster = await openCluster('memory:recreated')
  await createTopics(cluster, [{ name: words.name, partitions: 3 }])
  const topology = countingTopology('counting')
  const engine = new MemoryEngine()
  await write(cluster, 0, 300)
  const one = await start(cluster, engine, topology)
  await untilCounted(cluster, 300)
  await one.application.close()
  await engine.close()

  const changelog = 'counting-counted-changelog'
  const partitions = await cluster.partitionsOf(changelog)
  await deleteTopics(cluster, [changelog])
  await createTopics(cluster, [{ name: changelog, partitions, configs: { 'cleanup.policy': 'compact' } }])
  const two = await start(cluster, engine, topology)
  assert.equal(
    two.warnings.filter(warning => /dropped.*deleted and made again/.test(warning)).length,
    partitions,
  )
  for (const task of two.application.tasks()) {
    if (task.subTopology.stores.length > 0) assert.equal(task.stores.bytes('counted').size, 0)
  }
  await two.application.close()
})

test('a burst that takes many commits is committed to its end', async () => {
  await using cluster = await openCluster('memory:burst')
  await createTopics(cluster, [{ name: words.name, partitions: 1 }])
  await write(cluster, 0, 60_000)
  const builder = new StreamsBuilder()
  builder.stream(words).groupByKey().count({ store: 'counted' })
  const application = await startApplication({
    topology: builder.build('burst'),
    cluster,
    engine: new MemoryEngine(),
    commitIntervalMs: 1,
  })
  await application.whenRunning()
  const [task] = application.tasks()
  const deadline = performance.now() + 10_000
  while (task?.committed.get(words.name) !== 60_000) {
    assert.ok(performance.now() < deadline, `stands at ${task?.committed.get(words.name)}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  await application.close()
})
