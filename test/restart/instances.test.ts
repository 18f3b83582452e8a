import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTopics } from '../../src/client/admin.ts'
import { Producer } from '../../src/client/producer.ts'
import { openCluster } from '../../src/app/open-cluster.ts'
import { type Application, startApplication } from '../../src/streams/runtime/application.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { committedCounts, countingTopology, upTo, words } from '../exactly-once/counting.ts'

test('instances share tasks, take them over from each other, and count every word exactly once', async () => {
  await using cluster = await openCluster('memory:instances')
  await createTopics(cluster, [{ name: words.name, partitions: 3 }])
  const start = async () => {
    const application = await startApplication({
      topology: countingTopology('counting'),
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
      const word = Buffer.from(`word-${written % 20}`)
      producer.append(words.name, undefined, written, Buffer.from(`k${written}`), word, [])
    }
    await producer.flush()
  }
  const held = (application: Application) => application.tasks().map(task => task.id)
  /** All six tasks run, each in one place. */
  const untilShared = async (...applications: Application[]) => {
    for (;;) {
      const all = applications.flatMap(held)
      if (all.length === 6 && new Set(all).size === 6 && applications.every(each => held(each).length > 0))
        return
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }

  const one = await start()
  await write(2_000)
  const two = await start()
  await write(2_000)
  await untilShared(one, two)
  await write(2_000)
  const three = await start()
  await untilShared(one, two, three)
  await write(2_000)
  await one.close()
  await write(2_000)
  await untilShared(two, three)
  await two.close()
  await write(2_000)
  await untilShared(three)

  for (;;) {
    const found = await committedCounts(cluster)
    const sum = [...found.values()].reduce((total, counts) => total + counts.length, 0)
    if (sum < written) {
      await new Promise(resolve => setTimeout(resolve, 20))
      continue
    }
    assert.equal(found.size, 20)
    for (const [word, counts] of found) assert.deepEqual(counts, upTo(written / 20), word)
    break
  }
  await three.close()
})
