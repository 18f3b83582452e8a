import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createTopics } from '../../src/client/admin.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { Producer } from '../../src/client/producer.ts'
import { readTopic } from '../../src/client/read-topic.ts'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { EvertError } from '../../src/errors.ts'
import { seededRandom } from '../../src/internal/random.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { AsyncRecordContext } from '../../src/streams/processors/async-call.ts'
import { type Application, startApplication } from '../../src/streams/runtime/application.ts'
import { LmdbEngine } from '../../src/streams/state/lmdb.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { decodeStored } from '../../src/streams/state/stored-value.ts'
import { openFaultyLog } from './faulty-log.ts'

const RECORDS = 1_000
const KEYS = 30
const CONCURRENCY = 8
const PARTITIONS = 2
const requests = topic('requests', { key: string, value: string, partitions: PARTITIONS })
const answers = topic('answers', { key: string, value: string, partitions: PARTITIONS })
/** Which faults hit is a matter of timing: they are counted over all runs. */
const totals = { faults: 0, refusals: 0, crashes: 0, 'calls made again': 0, 'keys overtook': 0 }

for (const [engineName, seed] of [
  ['memory', 1],
  ['lmdb', 2],
  ['memory', 3],
  ['lmdb', 4],
] as const) {
  test(`crashes and lost requests leave one answer per request, in order of its key (${engineName}, seed ${seed})`, async () => {
    const random = seededRandom(seed)
    const directory = mkdtempSync(join(tmpdir(), 'evert-async-'))
    const engine = engineName === 'lmdb' ? new LmdbEngine(directory) : new MemoryEngine()
    await using log = await openFaultyLog(random)
    await createTopics(log.cluster, [
      { name: requests.name, partitions: PARTITIONS },
      { name: answers.name, partitions: PARTITIONS },
    ])
    const expected = new Map<string, string[]>()
    const calls = new Map<string, number>()
    const underWay = new Set<AbortSignal>()
    let most = 0
    let isFaulty = true
    const writing = write()

    let running: Application | undefined
    const deadline = performance.now() + 60_000
    while ((await answersOf(log.cluster)).order.length < RECORDS) {
      assert.ok(performance.now() < deadline, 'not complete in time')
      running ??= await start()
      await new Promise(resolve => setTimeout(resolve, 20 + random() * 80))
      assert.equal(running?.failure, undefined)
      if (isFaulty && random() < 0.3) {
        await running?.abandon()
        running = undefined
        totals.crashes++
      }
    }
    await writing
    isFaulty = false
    running ??= await start()
    await running?.whenRunning()
    await running?.close()
    await engine.close()

    const found = await answersOf(log.cluster)
    for (const [key, values] of expected) assert.deepEqual(found.byKey.get(key), values, key)
    assert.equal(found.order.length, RECORDS)
    assert.deepEqual(await stored(), new Map([...expected].map(([key, values]) => [key, values.length])))
    assert.ok(most <= CONCURRENCY * PARTITIONS, `${most} under way`)
    totals.faults += log.faults
    totals.refusals += log.refusals
    totals['calls made again'] += [...calls.values()].filter(count => count > 1).length
    totals['keys overtook'] += found.order.filter((value, i) => value < (found.order[i - 1] ?? '')).length
    rmSync(directory, { recursive: true, force: true })

    async function start(): Promise<Application | undefined> {
      const builder = new StreamsBuilder()
      const answered = builder.stream(requests).mapAsync(answer, {
        name: 'answer',
        value: string,
        concurrency: CONCURRENCY,
      })
      answered.to(answers)
      answered.groupByKey().count({ store: 'counted' })
      try {
        return await startApplication({
          topology: builder.build('answering'),
          cluster: log.faultyCluster(() => (isFaulty ? 0.02 : 0)),
          engine,
          commitIntervalMs: 10,
        })
      } catch (error) {
        assert.ok(error instanceof EvertError, String(error))
        return undefined
      }
    }

    async function answer(value: string, _key: string, { signal }: AsyncRecordContext): Promise<string> {
      calls.set(value, (calls.get(value) ?? 0) + 1)
      underWay.add(signal)
      // Those of a task that was rolled back or abandoned are over, as far as it knows.
      signal.addEventListener('abort', () => underWay.delete(signal))
      most = Math.max(most, underWay.size)
      await new Promise(resolve => setTimeout(resolve, random() * 12))
      underWay.delete(signal)
      return value
    }

    async function write(): Promise<void> {
      await using producer = new Producer(log.cluster)
      for (let i = 0; i < RECORDS; i++) {
        const key = `key-${Math.floor(random() * KEYS)}`
        const value = String(i).padStart(6, '0')
        expected.set(key, [...(expected.get(key) ?? []), value])
        producer.append(requests.name, undefined, 1_000 + i, Buffer.from(key), Buffer.from(value), [])
        if (i % 50 === 0) await new Promise(resolve => setTimeout(resolve, 20))
      }
      await producer.flush()
    }

    async function stored(): Promise<Map<string, number>> {
      const all = new Map<string, number>()
      const reopened = engineName === 'lmdb' ? new LmdbEngine(directory) : engine
      for (const id of reopened.tasks()) {
        const task = reopened.openTask(id)
        for (const [key, bytes] of task.store('counted').range())
          all.set(key, decodeStored(bytes, int64).value)
        assert.deepEqual([...task.store('answer-pending').range()], [], 'nothing is pending')
        await task.close()
      }
      if (reopened !== engine) await reopened.close()
      return new Map([...expected.keys()].map(key => [key, all.get(key) ?? 0]))
    }
  })
}

test('the runs above had faults of every kind, and calls that crashes interrupted', () => {
  for (const [kind, count] of Object.entries(totals)) assert.ok(count > 0, kind)
})

async function answersOf(cluster: Cluster) {
  const byKey = new Map<string, string[]>()
  const order: string[] = []
  for await (const { batches, firstOffset } of readTopic(cluster, answers.name)) {
    for (const batch of batches) {
      const columns = batch.records()
      for (let i = 0; i < columns.count; i++) {
        if (columns.offset(i) < firstOffset) continue
        const key = columns.key(i)?.toString() ?? ''
        const value = columns.value(i)?.toString() ?? ''
        order.push(value)
        const list = byKey.get(key)
        if (list === undefined) byKey.set(key, [value])
        else list.push(value)
      }
    }
  }
  return { byKey, order }
}
