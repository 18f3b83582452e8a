import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import { createTopics } from '../../src/client/admin.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { Producer } from '../../src/client/producer.ts'
import { readTopic } from '../../src/client/read-topic.ts'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { keyValueStore } from '../../src/streams/dsl/stores.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { Topology } from '../../src/streams/graph/topology.ts'
import { type Application, startApplication } from '../../src/streams/runtime/application.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { testDriver } from '../../src/testing/test-driver.ts'

const input = topic('in', { key: string, value: int64, partitions: 1 })
const other = topic('other', { key: string, value: int64, partitions: 1 })
const output = topic('out', { key: string, value: int64, partitions: 1 })

/** Sums per key, and every 10 ms of stream time sends the sums on and begins anew. */
function summing(): Topology {
  const sums = keyValueStore('sums', { key: string, value: int64 })
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .processValues({
      create:
        ({ forward }) =>
        value =>
          forward(value),
    })
    .process({
      stores: { sums },
      create: ({ stores, forward, schedule }) => {
        schedule(10, 'stream', now => {
          for (const [key, sum] of stores.sums.entries()) {
            forward(key, sum, now)
            stores.sums.delete(key)
          }
        })
        return (value, key) => stores.sums.put(key, (stores.sums.get(key) ?? 0) + value)
      },
    })
    .to(output)
  return builder.build('summing')
}

/** Times that mostly go on, sometimes back, sometimes over several ticks. */
const records = Array.from({ length: 300 }, (_, i) => ({
  key: `k${(i * 7) % 5}`,
  value: i,
  timestamp: i * 3 + (i % 11 === 0 ? 40 : 0) - (i % 4),
})).map(record => ({ ...record, timestamp: Math.max(0, record.timestamp) }))

async function write(cluster: Cluster, name: string, from: number, to: number): Promise<void> {
  await using producer = new Producer(cluster)
  for (const { key, value, timestamp } of records.slice(from, to)) {
    producer.append(name, 0, timestamp, Buffer.from(key), int64.encode(value), [])
  }
  await producer.flush()
}

async function written(cluster: Cluster): Promise<{ key: string; value: number; timestamp: number }[]> {
  const found = []
  for await (const { batches } of readTopic(cluster, output.name)) {
    for (const batch of batches) {
      const columns = batch.records()
      for (let i = 0; i < columns.count; i++) {
        found.push({
          key: String(columns.key(i)),
          value: int64.decode(columns.value(i) as Buffer),
          timestamp: columns.timestamp(i),
        })
      }
    }
  }
  return found
}

/** Resolves when the application has committed the input up to the offset. */
function untilCommitted(application: Application, offset: number): Promise<void> {
  return new Promise(resolve => {
    const look = (): void => {
      if ((application.tasks()[0]?.committed.get(input.name) ?? 0) < offset) return
      stop()
      resolve()
    }
    const stop = application.onChange(look)
    look()
  })
}

test('a processor gives after crashes and restores what it gives without', async () => {
  const driver = testDriver({ topology: summing })
  for (const record of records) driver.send(input, record)
  const expected = driver.read(output).map(({ key, value, timestamp }) => ({ key, value, timestamp }))
  assert.ok(expected.length > 100)
  const rows = driver.rows('sums')
  assert.ok(rows.length > 0)

  await using cluster = await openCluster('memory:process-restart')
  await createTopics(cluster, [
    { name: input.name, partitions: 1 },
    { name: output.name, partitions: 1 },
  ])
  const engine = new MemoryEngine()
  const lives = 6
  const each = records.length / lives
  for (let life = 1; life <= lives; life++) {
    await write(cluster, input.name, (life - 1) * each, life * each)
    // What the task keeps here is lost every other time: its store then comes from the changelog.
    if (life % 2 === 0) await engine.dropTask('0_0')
    const application = await startApplication({ topology: summing(), cluster, engine, commitIntervalMs: 1 })
    await application.whenRunning()
    await untilCommitted(application, life * each - (life < lives ? 20 : 0))
    if (life < lives) await application.abandon()
    else await application.close()
  }
  assert.deepEqual(await written(cluster), expected)
  const state = engine.openTask('0_0')
  assert.deepEqual(
    Array.from(state.store('sums').range(), ([key]) => key),
    rows.map(({ key }) => key),
  )
  await state.close()
})

test('a punctuation by wall clock comes without records, and what it writes is committed', async () => {
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .process({
      create: ({ forward, schedule, nowMs }) => {
        let calls = 0
        schedule(5, 'wall', now => {
          assert.ok(now <= nowMs())
          forward('tick', ++calls)
        })
        return () => {}
      },
    })
    .to(output)
  await using cluster = await openCluster('memory:process-wall')
  const application = await startApplication({
    topology: builder.build('ticking'),
    cluster,
    engine: new MemoryEngine(),
    commitIntervalMs: 1,
  })
  let ticks: number[] = []
  while (ticks.length < 3) {
    await new Promise(resolve => setTimeout(resolve, 5))
    ticks = (await written(cluster)).map(({ value }) => value)
  }
  await application.close()
  assert.deepEqual(
    ticks,
    ticks.map((_, i) => i + 1),
  )
})

function merging(): Topology {
  const builder = new StreamsBuilder()
  builder.stream(input).merge(builder.stream(other)).to(output)
  return builder.build('merging')
}

test('records of two inputs are taken in the order of their times, however they are fetched', async () => {
  await using cluster = await openCluster('memory:process-order')
  await createTopics(
    cluster,
    [input, other, output].map(({ name }) => ({ name, partitions: 1 })),
  )
  await using producer = new Producer(cluster)
  // More than one fetch gives of a partition at once.
  const padding = [{ key: 'padding', value: Buffer.alloc(20_000) }]
  for (let i = 0; i < 300; i++) {
    producer.append(input.name, 0, 2 * i, Buffer.from('k'), int64.encode(i), [])
    producer.append(other.name, 0, 2 * i + 1, Buffer.from('k'), int64.encode(i), padding)
  }
  await producer.flush()
  const application = await startApplication({
    topology: merging(),
    cluster,
    engine: new MemoryEngine(),
    commitIntervalMs: 1,
  })
  let times: number[] = []
  while (times.length < 600) {
    await new Promise(resolve => setTimeout(resolve, 10))
    times = (await written(cluster)).map(({ timestamp }) => timestamp)
  }
  await application.close()
  assert.deepEqual(
    times,
    Array.from({ length: 600 }, (_, i) => i),
  )
})

test('a record waits for a producer of the other input as long as it is told to', async () => {
  await using cluster = await openCluster('memory:process-idle')
  await createTopics(
    cluster,
    [input, other, output].map(({ name }) => ({ name, partitions: 1 })),
  )
  await using producer = new Producer(cluster)
  const append = (name: string, timestamp: number) =>
    producer.append(name, 0, timestamp, Buffer.from('k'), int64.encode(0), [])
  append(input.name, 10)
  await producer.flush()
  const application = await startApplication({
    topology: merging(),
    cluster,
    engine: new MemoryEngine(),
    commitIntervalMs: 1,
    maxTaskIdleMs: 60_000,
  })
  await application.whenRunning()
  append(other.name, 5)
  append(other.name, 20)
  await producer.flush()
  let times: number[] = []
  while (times.length < 2) {
    await new Promise(resolve => setTimeout(resolve, 10))
    times = (await written(cluster)).map(({ timestamp }) => timestamp)
  }
  await application.close()
  assert.deepEqual(times, [5, 10])
})

test('a commit that a processor asks for does not wait for the interval; closing the application closes it', async () => {
  let closed = 0
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .processValues({
      create: ({ forward, commit }) => ({
        process: value => {
          forward(value)
          if (value === 7) commit()
        },
        close: () => void closed++,
      }),
    })
    .to(output)
  await using cluster = await openCluster('memory:process-commit')
  await createTopics(cluster, [
    { name: input.name, partitions: 1 },
    { name: output.name, partitions: 1 },
  ])
  await write(cluster, input.name, 0, 8)
  const application = await startApplication({
    topology: builder.build('committing'),
    cluster,
    engine: new MemoryEngine(),
    commitIntervalMs: 3_600_000,
  })
  await application.whenRunning()
  await untilCommitted(application, 8)
  assert.equal((await written(cluster)).length, 8)
  assert.equal(closed, 0)
  await application.close()
  assert.equal(closed, 1)
})
