import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import { createTopics } from '../../src/client/admin.ts'
import { Producer } from '../../src/client/producer.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { startApplication } from '../../src/streams/runtime/application.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { committedCounts, counts, upTo, words } from './counting.ts'

const KEYS = 3_000
const HOUR_MS = 3_600_000

test('changed values beyond the bound are committed before the interval is over', {
  timeout: 30_000,
}, async () => {
  await using cluster = await openCluster('memory:cache-bound')
  await createTopics(cluster, [{ name: words.name, partitions: words.partitions }])
  const builder = new StreamsBuilder()
  builder.stream(words).groupByKey().count().toStream().to(counts)
  const application = await startApplication({
    topology: builder.build('bounded'),
    cluster,
    engine: new MemoryEngine(),
    commitIntervalMs: HOUR_MS,
    stateStoreCacheMaxBytes: 10_000,
  })
  await using producer = new Producer(cluster)
  for (const round of upTo(2)) {
    for (let i = 0; i < KEYS; i++) {
      producer.append(words.name, undefined, round, Buffer.from(`key-${i}`), Buffer.from('word'), [])
    }
    await producer.flush()
  }
  let rows = 0
  while (rows < KEYS) {
    await new Promise(resolve => setTimeout(resolve, 5))
    rows = [...(await committedCounts(cluster)).values()].reduce((sum, list) => sum + list.length, 0)
  }
  await application.close()
  // A close commits what is processed; what came last may not be.
  const found = await committedCounts(cluster)
  for (const [key, list] of found) assert.deepEqual(list, upTo(list.length), key)
})
