import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { openBroker } from '../../src/broker/broker.ts'
import { openMemoryStorage } from '../../src/broker/storage/storage.ts'
import {
  type Cluster,
  clusterFromTransport,
  committedOffsets,
  createTopics,
  inProcessTransport,
  Producer,
  readTopic,
  transportOptions,
} from '../../src/client/index.ts'
import { seededRandom } from '../../src/internal/random.ts'
import { faultyTransport } from './faulty-transport.ts'

const PARTITIONS = 3
const TOPIC = 'faults'
const SEEDS = process.env.EVERT_SEED === undefined ? randomSeeds(12) : [Number(process.env.EVERT_SEED)]

for (const seed of SEEDS) {
  test(`no fault of the network loses, repeats or reorders an idempotent record (EVERT_SEED=${seed})`, async () => {
    await underFaults(seed, async (cluster, random) => {
      const producer = new Producer(cluster, { batchBytes: 200 })
      const expected: string[][] = Array.from({ length: PARTITIONS }, () => [])
      for (let index = 0; index < 600; index++) {
        const partition = Math.floor(random() * PARTITIONS)
        const text = `${partition}:${index}`
        expected[partition]?.push(text)
        producer.append(TOPIC, partition, 1000, null, Buffer.from(text), [])
        if (random() < 0.05) await nextTurn()
        if (random() < 0.01) await producer.flush()
      }
      await producer.flush()
      await producer.close()
      return expected
    })
  })

  test(`what a transaction commits under faults is exactly what is read, offsets included (EVERT_SEED=${seed})`, async () => {
    await underFaults(seed, async (cluster, random) => {
      const producer = new Producer(cluster, { transactionalId: 'faulty', batchBytes: 200 })
      const group = { groupId: 'faulty' }
      const expected: string[][] = Array.from({ length: PARTITIONS }, () => [])
      let committed = -1
      await producer.init()
      for (let round = 0; round < 40; round++) {
        const texts: string[][] = Array.from({ length: PARTITIONS }, () => [])
        producer.begin()
        for (let index = 0; index < random() * 30; index++) {
          const partition = Math.floor(random() * PARTITIONS)
          const text = `${partition}:${round}.${index}`
          texts[partition]?.push(text)
          producer.append(TOPIC, partition, 1000, null, Buffer.from(text), [])
          if (random() < 0.1) await nextTurn()
        }
        if (random() < 0.3) {
          await producer.abort()
          continue
        }
        await producer.commit({ offsets: [{ topic: TOPIC, partition: 0, offset: round }], group })
        committed = round
        for (const [partition, list] of texts.entries()) expected[partition]?.push(...list)
      }
      const [offset] = await committedOffsets(cluster, group, [{ topic: TOPIC, partition: 0 }])
      assert.equal(offset?.offset ?? -1, committed)
      await producer.close()
      return expected
    })
  })
}

/** Runs the work on a broker behind breaking connections, then reads the topic, also under faults, and compares. */
async function underFaults(
  seed: number,
  work: (cluster: Cluster, random: () => number) => Promise<string[][]>,
): Promise<void> {
  const random = seededRandom(seed)
  const broker = await openBroker({ storage: await openMemoryStorage() })
  const transport = faultyTransport(inProcessTransport(broker, transportOptions()), {
    random,
    lostRequest: 0.04,
    lostAnswer: 0.06,
    refusedProduce: 0.05,
  })
  const cluster = clusterFromTransport(transport, { random, retryBackoffMs: 1, retryBackoffMaxMs: 4 })
  try {
    await createTopics(cluster, [{ name: TOPIC, partitions: PARTITIONS }])
    const expected = await work(cluster, random)
    const found: string[][] = Array.from({ length: PARTITIONS }, () => [])
    for await (const { partition, batches, firstOffset } of readTopic(cluster, TOPIC)) {
      for (const batch of batches) {
        const records = batch.records()
        for (let index = 0; index < records.count; index++) {
          if (records.offset(index) >= firstOffset) found[partition]?.push(String(records.value(index)))
        }
      }
    }
    assert.deepEqual(found, expected)
    const { lostRequest, lostAnswer, refusedProduce } = transport.counts
    assert.ok(
      lostRequest + lostAnswer + refusedProduce > 0,
      'the run met no fault, so it showed nothing; use another seed',
    )
  } finally {
    await cluster.close()
    await broker.close()
  }
}

function randomSeeds(count: number): number[] {
  return Array.from({ length: count }, () => Math.floor(Math.random() * 2 ** 31))
}
