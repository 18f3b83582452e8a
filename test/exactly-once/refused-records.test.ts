import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import { createTopics } from '../../src/client/admin.ts'
import { Producer } from '../../src/client/producer.ts'
import { readTopic } from '../../src/client/read-topic.ts'

const key = Buffer.from('k')

const refused: Record<string, unknown> = {
  'a timestamp before 1970': { timestamp: -7 },
  'a timestamp that is no whole number': { timestamp: 1.5 },
  'a header with a text as value': { headers: [{ key: 'trace', value: 'abc' }] },
  'a header without a value': { headers: [{ key: 'trace' }] },
  'a header without a key': { headers: [{ value: null }] },
  'no header at all': { headers: [undefined] },
  'headers as an object': { headers: { trace: 'abc' } },
  'headers as a text': { headers: 'abc' },
  'null headers': { headers: null },
}

for (const [what, options] of Object.entries(refused)) {
  test(`a record with ${what} is refused, first or in between, and nothing else with it`, async () => {
    await using cluster = await openCluster('memory:')
    await createTopics(cluster, [{ name: 't', partitions: 1 }])
    await using producer = new Producer(cluster)
    const bad = () => producer.send({ topic: 't', key, value: key, ...(options as object) })
    await assert.rejects(bad(), { code: 'INVALID_ARGUMENT' })
    const good = [1, 2].map(number => producer.send({ topic: 't', key, value: Buffer.from([number]) }))
    const between = assert.rejects(bad(), { code: 'INVALID_ARGUMENT' })
    good.push(producer.send({ topic: 't', key, value: Buffer.from([3]) }))
    await Promise.all([...good, between])
    const values: number[] = []
    for await (const { batches } of readTopic(cluster, 't')) {
      for (const batch of batches) {
        const records = batch.records()
        for (let i = 0; i < records.count; i++) values.push(records.value(i)?.[0] as number)
      }
    }
    assert.deepEqual(values, [1, 2, 3])
  })
}
