import assert from 'node:assert/strict'
import { createTopics } from '../../src/client/admin.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { Producer } from '../../src/client/producer.ts'
import { readTopic } from '../../src/client/read-topic.ts'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { type Application, startApplication } from '../../src/streams/runtime/application.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'

const answers = topic('answers', { key: string, value: string, partitions: 3 })
const asked = topic('questions', { key: string, value: string, partitions: 3 })

/** One instance, two, then the other alone: every answer comes once, in the order of its key. */
export async function moveTasksWithCalls(cluster: Cluster): Promise<void> {
  await createTopics(cluster, [asked, answers])
  const start = async () => {
    const builder = new StreamsBuilder()
    builder
      .stream(asked)
      .mapAsync(
        async value => {
          await new Promise(resolve => setTimeout(resolve, Number(value) % 40))
          return value
        },
        { name: 'answer', value: string, concurrency: 4 },
      )
      .to(answers)
    const application = await startApplication({
      topology: builder.build('moving'),
      cluster,
      engine: new MemoryEngine(),
      commitIntervalMs: 10,
    })
    await application.whenRunning()
    return application
  }
  await using producer = new Producer(cluster)
  let written = 0
  const write = async (count: number) => {
    for (let i = 0; i < count; i++, written++) {
      const key = Buffer.from(`k${written % 30}`)
      producer.append(asked.name, undefined, written, key, Buffer.from(`${written}`), [])
    }
    await producer.flush()
  }
  const one = await start()
  await write(300)
  const two = await start()
  await write(300)
  await untilBothHold(one, two)
  await write(300)
  await one.close()
  await write(300)
  for (;;) {
    const found = await answersByKey(cluster)
    const count = [...found.values()].reduce((sum, list) => sum + list.length, 0)
    if (count < written) {
      await new Promise(resolve => setTimeout(resolve, 20))
      continue
    }
    for (let key = 0; key < 30; key++) {
      const expected = Array.from({ length: written / 30 }, (_, i) => String(key + 30 * i))
      assert.deepEqual(found.get(`k${key}`), expected, `k${key}`)
    }
    break
  }
  await two.close()
}

async function untilBothHold(one: Application, two: Application): Promise<void> {
  while (
    one.tasks().length === 0 ||
    two.tasks().length === 0 ||
    one.tasks().length + two.tasks().length < 3
  ) {
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

async function answersByKey(cluster: Cluster): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  for await (const { batches, firstOffset } of readTopic(cluster, answers.name)) {
    for (const batch of batches) {
      const columns = batch.records()
      for (let i = 0; i < columns.count; i++) {
        if (columns.offset(i) < firstOffset) continue
        const key = columns.key(i)?.toString() ?? ''
        const value = columns.value(i)?.toString() ?? ''
        const list = found.get(key)
        if (list === undefined) found.set(key, [value])
        else list.push(value)
      }
    }
  }
  return found
}
