import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import { createTopics } from '../../src/client/admin.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { Producer } from '../../src/client/producer.ts'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { type Application, startApplication } from '../../src/streams/runtime/application.ts'
import type { ErrorPolicy } from '../../src/streams/processors/error-policy.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'

const prices = topic('prices', { key: string, value: int64 })
const doubled = topic('doubled', { key: string, value: int64 })

/** A table over its own topic, and a function behind it that refuses what is above 100. */
function topology() {
  const builder = new StreamsBuilder()
  builder
    .table(prices, { store: 'prices' })
    .map(price => {
      if (price > 100) throw new Error(`${price} is too much`)
      return price * 2
    })
    .toStream()
    .to(doubled)
  return builder.build('pricing')
}

async function write(cluster: Cluster, rows: readonly (readonly [string, Buffer | null])[]): Promise<void> {
  await using producer = new Producer(cluster)
  for (const [key, value] of rows)
    await producer.send({ topic: prices.name, partition: 0, key: Buffer.from(key), value })
}

async function started(cluster: Cluster, onError: ErrorPolicy): Promise<Application> {
  const application = await startApplication({
    topology: topology(),
    cluster,
    engine: new MemoryEngine(),
    commitIntervalMs: 5,
    onError,
  })
  await application.whenRunning()
  return application
}

/** The rows that are committed once the input is read up to the offset. */
async function rowsAt(application: Application, offset: number): Promise<[string, number][]> {
  for (;;) {
    const [task] = application.tasks()
    if (task?.committed.get(prices.name) === offset) {
      return Array.from(task.stores.committed<number>('prices').range(), ([key, { value }]) => [key, value])
    }
    await new Promise<void>(resolve => {
      const stop = application.onChange(() => {
        stop()
        resolve()
      })
    })
  }
}

for (const onError of ['skip', { deadLetter: 'dead' }] as const) {
  test(`a table that lost its disk does not bring back what was passed over (${JSON.stringify(onError)})`, async () => {
    await using cluster = await openCluster(`memory:skipped-${typeof onError}`)
    await createTopics(cluster, [
      { name: prices.name, partitions: 1 },
      { name: 'dead', partitions: 1 },
    ])
    await write(cluster, [
      ['a', int64.encode(7)],
      ['b', int64.encode(500)],
      ['c', int64.encode(8)],
      ['a', Buffer.from('no number')],
      ['c', int64.encode(900)],
    ])
    const expected = [
      ['a', 7],
      ['c', 8],
    ]
    const first = await started(cluster, onError)
    assert.deepEqual(await rowsAt(first, 5), expected)
    await first.close()

    // Another engine: everything is restored from the topic. Records to come are stricter treated, those of before not.
    const second = await started(cluster, 'fail')
    assert.deepEqual(await rowsAt(second, 5), expected)
    await write(cluster, [['b', int64.encode(9)]])
    assert.deepEqual(await rowsAt(second, 6), [
      ['a', 7],
      ['b', 9],
      ['c', 8],
    ])
    await second.close()
  })
}
