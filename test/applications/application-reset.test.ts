import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commitOffsets, deleteTopics, listTopics, readTopic } from '../../src/client/index.ts'
import { app, type Cluster, int64, openCluster, string, topic } from '../../src/index.ts'

const id = 'application-reset'
const lines = topic('lines', { key: string, value: string, partitions: 1 })
const counts = topic('counts', { key: string, value: int64, partitions: 1 })

type Pair = [key: string, count: number]

function firstWords() {
  const counting = app(id)
  counting
    .stream(lines)
    .selectKey(line => line.split(' ')[0] ?? '')
    .groupByKey()
    .count()
    .toStream()
    .to(counts)
  return counting
}

const start = (cluster: Cluster) => firstWords().start({ cluster, store: 'memory', commitIntervalMs: 1 })

async function written(cluster: Cluster): Promise<Pair[]> {
  const pairs: Pair[] = []
  for await (const { batches } of readTopic(cluster, counts.name)) {
    for (const batch of batches) {
      const records = batch.records()
      for (let i = 0; i < records.count; i++) {
        const [key, value] = [records.key(i) ?? assert.fail(), records.value(i) ?? assert.fail()]
        pairs.push([counts.key.decode(key), counts.value.decode(value)])
      }
    }
  }
  return pairs
}

/** Polls the output, since a repartition topic lies between it and the input. */
async function whenWritten(cluster: Cluster, count: number): Promise<Pair[]> {
  for (;;) {
    const pairs = await written(cluster)
    if (pairs.length >= count) return pairs
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

test('an application that is reset computes everything again', async () => {
  await using cluster = await openCluster('memory:application-reset')
  const once: Pair[] = [
    ['Hello', 1],
    ['Hello', 2],
    ['All', 1],
  ]
  const running = await start(cluster)
  for (const line of ['Hello World', 'Hello Kafka Streams', 'All streams lead to Kafka']) {
    await running.append(lines, null, line)
  }
  assert.deepEqual(await whenWritten(cluster, 3), once)
  await running.close()

  await commitOffsets(cluster, { groupId: id }, [{ topic: lines.name, partition: 0, offset: 0 }])
  const internal = (await listTopics(cluster))
    .map(({ name }) => name)
    .filter(name => name.startsWith(`${id}-`))
  assert.equal(internal.length, 3, 'a repartition topic, a changelog, the layout of the topology')
  await deleteTopics(cluster, internal)

  await using _again = await start(cluster)
  assert.deepEqual(await whenWritten(cluster, 6), [...once, ...once])
})
