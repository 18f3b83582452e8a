import assert from 'node:assert/strict'
import { once } from 'node:events'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { app, openCluster, string, topic } from '../../src/index.ts'
import {
  type Cluster,
  createTopics,
  describeCluster,
  Fetcher,
  KafkaError,
  listOffsets,
  Producer,
} from '../../src/client/index.ts'
import { isEvertError } from '../../src/errors.ts'

const VALUE = Buffer.alloc(500, 'v')
const RECORDS = 40
const directory = mkdtempSync(join(tmpdir(), 'evert-damaged-'))
const url = `file:${join(directory, 'log')}`
let cluster: Cluster

/** Two partitions of several segments; one byte in the second segment of the first partition has rotted. */
before(async () => {
  {
    await using writing = await openCluster(url)
    await createTopics(writing, [{ name: 't', partitions: 2, configs: { 'segment.bytes': '5000' } }])
    await using producer = new Producer(writing)
    for (let at = 0; at < RECORDS; at++)
      for (const partition of [0, 1])
        await producer.send({ topic: 't', partition, timestamp: at, key: Buffer.from('k'), value: VALUE })
  }
  const segments = globSync(join(directory, 'log/topics/*/0/*.log')).toSorted()
  assert.ok(segments.length > 2)
  const bytes = readFileSync(segments[1] as string)
  const at = bytes.indexOf(VALUE)
  bytes[at] = (bytes[at] as number) ^ 0xff
  writeFileSync(segments[1] as string, bytes)
  cluster = await openCluster(url)
})

after(async () => {
  await cluster.close()
  rmSync(directory, { recursive: true })
})

/** Records read per partition until both have been read to the end, or a poll rejected; and that rejection. */
async function readAll(from: Cluster): Promise<{ counts: number[]; errors: unknown[] }> {
  await using fetcher = new Fetcher(from)
  fetcher.assign([0, 1].map(partition => ({ topic: 't', partition, offset: 0 })))
  const counts = [0, 0]
  const errors: unknown[] = []
  while (counts[1] !== RECORDS || errors.length === 0) {
    try {
      for (const { partition, batches } of await fetcher.poll({ maxWaitMs: 100 }))
        for (const batch of batches) counts[partition] = (counts[partition] as number) + batch.count
    } catch (error) {
      errors.push(error)
    }
  }
  return { counts, errors }
}

describe('damage in a segment', { timeout: 30_000 }, () => {
  test('is told to who reads it, in the words of the storage; the other partition is read', async () => {
    const { counts, errors } = await readAll(cluster)
    const [error] = errors
    assert.equal(errors.length, 1)
    assert.ok(isEvertError(error, 'DAMAGED_DATA'))
    assert.equal(error.retryable, false)
    assert.match(error.message, /t-0 .*topics\/\w+\/0\/\d{20}\.log .*damaged at byte \d+.*Restore the file/)
    assert.ok((counts[0] as number) > 0 && (counts[0] as number) < RECORDS)
  })

  test('is told over TCP by its code, and as a warning of the process that has the log', async () => {
    const [broker] = (await describeCluster(cluster)).brokers
    assert.ok(broker)
    await using remote = await openCluster(`kafka://${broker.host}:${broker.port}`)
    const warned = once(process, 'warning')
    const { errors } = await readAll(remote)
    const [error] = errors
    assert.ok(error instanceof KafkaError)
    assert.deepEqual([error.errorName, error.topic, error.partition], ['CORRUPT_MESSAGE', 't', 0])
    const [warning] = (await warned) as [Error]
    assert.match(warning.message, /t-0 cannot be read: .* damaged at byte/)
  })

  test('is told to who looks an offset up by its time', async () => {
    await assert.rejects(
      listOffsets(cluster, [{ topic: 't', partition: 0, at: 12 }]),
      (error: unknown) => isEvertError(error, 'DAMAGED_DATA') && error.message.includes('t-0'),
    )
  })

  test('fails the application that has to read it', async () => {
    const failed = Promise.withResolvers<Error>()
    const counting = app('reader')
    counting
      .stream(topic('t', { key: string, value: string, partitions: 2 }))
      .groupByKey()
      .count()
      .view('v')
    await using running = await counting.start({
      cluster,
      stateDir: join(directory, 'state'),
      onFailure: failed.resolve,
    })
    const failure = await failed.promise
    assert.match(failure.message, /t-0 .*damaged at byte/)
    assert.equal(running.state, 'ERROR')
  })
})
