import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import { createTopics, listOffsets } from '../../src/client/admin.ts'
import { Producer } from '../../src/client/producer.ts'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { startApplication } from '../../src/streams/runtime/application.ts'
import type { Guarantee } from '../../src/streams/runtime/committer.ts'
import type { StateEngine } from '../../src/streams/state/byte-store.ts'
import { LmdbEngine } from '../../src/streams/state/lmdb.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { seededRandom } from '../../src/internal/random.ts'

const RECORDS = 40_000
const letters = topic('letters', { key: string, value: string, partitions: 3 })
const STORES = ['latest', 'counted', 'joined']

/** What it keeps depends on the order of a key's records, but on nothing else. */
function topology() {
  const builder = new StreamsBuilder()
  const stream = builder.stream(letters)
  stream
    .groupByKey()
    .reduce((joined, letter) => (joined + letter).slice(-20), { store: 'joined' })
    .toStream()
    .filter((_, key) => key !== 'k7')
    .toTable({ store: 'latest' })
  stream
    .groupBy(letter => letter)
    .count({ store: 'counted' })
    .filter(count => count % 2 === 0)
  return builder.build('same')
}

interface Run {
  readonly engine: 'memory' | 'lmdb'
  readonly commitIntervalMs: number
  readonly batchBytes: number
  readonly burst: number
  readonly guarantee: Guarantee
}

const runs: Run[] = [
  {
    engine: 'memory',
    commitIntervalMs: 100,
    batchBytes: 256 * 1024,
    burst: RECORDS,
    guarantee: 'exactly_once',
  },
  {
    engine: 'memory',
    commitIntervalMs: 1,
    batchBytes: 256 * 1024,
    burst: RECORDS,
    guarantee: 'exactly_once',
  },
  { engine: 'lmdb', commitIntervalMs: 3, batchBytes: 2_000, burst: 3_000, guarantee: 'exactly_once' },
  { engine: 'lmdb', commitIntervalMs: 50, batchBytes: 64 * 1024, burst: 20_000, guarantee: 'at_least_once' },
]

test('engine, commit points, batches and guarantee do not change what is kept', async () => {
  const results: Record<string, unknown>[] = []
  for (const run of runs) results.push(await keptBy(run))
  assert.ok(Object.keys(results[0] as object).length > 200)
  for (const [index, result] of results.entries())
    assert.deepEqual(result, results[0], JSON.stringify(runs[index]))
})

async function keptBy({ engine: kind, commitIntervalMs, batchBytes, burst, guarantee }: Run) {
  const random = seededRandom(42)
  const directory = mkdtempSync(join(tmpdir(), 'evert-same-'))
  const engine: StateEngine = kind === 'lmdb' ? new LmdbEngine(directory) : new MemoryEngine()
  await using cluster = await openCluster(`memory:same-${kind}-${commitIntervalMs}`)
  await createTopics(cluster, [{ name: letters.name, partitions: letters.partitions }])
  const application = await startApplication({
    topology: topology(),
    cluster,
    engine,
    commitIntervalMs,
    guarantee,
  })
  await application.whenRunning()
  await using producer = new Producer(cluster, { batchBytes })
  for (let i = 0; i < RECORDS; i++) {
    const key = `k${Math.floor(random() * 100)}`
    const letter = String.fromCharCode(97 + Math.floor(random() * 26))
    producer.append(letters.name, undefined, 1_000 + i, Buffer.from(key), Buffer.from(letter), [])
    if (i % burst === burst - 1) await producer.flush()
  }
  await producer.flush()

  /** Every input, repartition topics included, is committed up to its end. */
  const isDone = async () => {
    const inputs = application.tasks().flatMap(task =>
      task.topics.map(topic => ({
        topic,
        partition: task.partition,
        committed: task.committed.get(topic) ?? 0,
      })),
    )
    const ends = await listOffsets(
      cluster,
      inputs.map(({ topic, partition }) => ({ topic, partition, at: 'latest' as const })),
    )
    return inputs.every(({ committed }, index) => committed === ends[index]?.offset)
  }
  while (!(await isDone())) await new Promise(resolve => setTimeout(resolve, 10))

  const kept: Record<string, unknown> = {}
  for (const { stores, subTopology } of application.tasks()) {
    for (const { name } of subTopology.stores) {
      assert.ok(STORES.includes(name) || name.startsWith('KTABLE'), name)
      for (const [key, stored] of stores.committed(name).range()) kept[`${name}/${key}`] = stored
    }
  }
  await application.close()
  await engine.close()
  rmSync(directory, { recursive: true, force: true })
  return kept
}
