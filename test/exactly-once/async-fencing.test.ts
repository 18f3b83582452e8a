import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTopics } from '../../src/client/admin.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { Producer } from '../../src/client/producer.ts'
import { readTopic } from '../../src/client/read-topic.ts'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { startApplication } from '../../src/streams/runtime/application.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { openFaultyLog } from './faulty-log.ts'

const requests = topic('requests', { key: string, value: string, partitions: 1 })
const answers = topic('answers', { key: string, value: string, partitions: 1 })

test('a member whose task is another’s cannot commit a result, though it read no record for it', async () => {
  let isRefusing = false
  // Nothing is lost; every offset of a transaction is refused, as those of a member that lost its task.
  await using log = await openFaultyLog(() => 0.5)
  await createTopics(log.cluster, [requests, answers])
  await using producer = new Producer(log.cluster)

  const releases: (() => void)[] = []
  const builder = new StreamsBuilder()
  builder
    .stream(requests)
    .mapAsync(value => new Promise<string>(resolve => releases.push(() => resolve(value))), { value: string })
    .to(answers)
  let commits = 0
  const application = await startApplication({
    topology: builder.build('fenced'),
    cluster: log.faultyCluster(() => (isRefusing ? 0.2 : 0)),
    engine: new MemoryEngine(),
    commitIntervalMs: 5,
  })
  application.onChange(() => commits++)
  await application.whenRunning()
  producer.append(requests.name, 0, 1, Buffer.from('k'), Buffer.from('v'), [])
  await producer.flush()
  const until = async (isSo: () => boolean) => {
    const deadline = performance.now() + 10_000
    while (!isSo()) {
      assert.ok(performance.now() < deadline, 'not in time')
      await new Promise(resolve => setTimeout(resolve, 2))
    }
  }
  // The record's offset is committed; its call is under way.
  await until(() => releases.length === 1)
  const [task] = application.tasks()
  await until(() => task?.stores.dirtyCount === 0 && commits > 0)

  isRefusing = true
  releases[0]?.()
  await until(() => log.refusals > 0 && releases.length === 2)
  assert.deepEqual(await valuesOf(log.cluster), [], 'nothing of it is visible')

  isRefusing = false
  releases[1]?.()
  while ((await valuesOf(log.cluster)).length === 0) await new Promise(resolve => setTimeout(resolve, 5))
  await application.close()
  assert.deepEqual(await valuesOf(log.cluster), ['v'])
})

async function valuesOf(cluster: Cluster): Promise<string[]> {
  const values: string[] = []
  for await (const { batches } of readTopic(cluster, answers.name)) {
    for (const batch of batches) {
      const columns = batch.records()
      for (let i = 0; i < columns.count; i++) values.push(columns.value(i)?.toString() ?? '')
    }
  }
  return values
}
