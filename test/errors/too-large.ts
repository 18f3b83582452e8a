import assert from 'node:assert/strict'
import { createTopics } from '../../src/client/admin.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { Producer } from '../../src/client/producer.ts'
import { readTopic } from '../../src/client/read-topic.ts'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { isEvertError } from '../../src/errors.ts'
import type { RecordHeader } from '../../src/records/record-batch.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { ErrorPolicy } from '../../src/streams/processors/error-policy.ts'
import { type Application, startApplication } from '../../src/streams/runtime/application.ts'
import type { Guarantee } from '../../src/streams/runtime/committer.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'

/** What the copies' topic takes; far less than a batch of the producer, and than a changelog (1 MiB). */
const SMALL_BYTES = 2_000
const PART = 'x'.repeat(300_000)

const names = (prefix: string) => ({
  texts: topic(`${prefix}texts`, { key: string, value: string, partitions: 1 }),
  copies: topic(`${prefix}copies`, {
    key: string,
    value: string,
    partitions: 1,
    configs: { 'max.message.bytes': String(SMALL_BYTES) },
  }),
  lengths: topic(`${prefix}lengths`, { key: string, value: int64, partitions: 1 }),
  letters: `${prefix}letters`,
})

/** Copies texts, and joins those of a key to one that grows, whose length it tells. */
export function growing(prefix: string) {
  const { texts, copies, lengths } = names(prefix)
  const builder = new StreamsBuilder()
  const source = builder.stream(texts)
  source.to(copies, { name: 'copy' })
  source
    .groupByKey()
    .aggregate(
      () => '',
      (joined, text) => joined + text,
      { value: string, store: 'joined', name: 'join' },
    )
    .toStream()
    .map(joined => joined.length, { value: int64 })
    .to(lengths)
  return builder.build(`${prefix}growing`)
}

export interface Setting {
  readonly cluster: Cluster
  readonly prefix: string
  readonly guarantee?: Guarantee
}

async function start({ cluster, prefix, guarantee }: Setting, onError: ErrorPolicy): Promise<Application> {
  const application = await startApplication({
    topology: growing(prefix),
    cluster,
    engine: new MemoryEngine(),
    onError,
    ...(guarantee !== undefined && { guarantee }),
  })
  await application.whenRunning().catch(() => {})
  return application
}

/** Outputs and changes that are too large are dealt with one by one, and everything else goes on, once. */
export async function passesOverWhatIsTooLarge(setting: Setting): Promise<void> {
  const { cluster, prefix } = setting
  const { texts, copies, lengths, letters } = names(prefix)
  await createTopics(cluster, [texts])
  const policy: ErrorPolicy = { processing: { deadLetter: letters }, production: 'skip' }
  const application = await start(setting, policy)
  await using producer = new Producer(cluster)
  const send = (key: string, value: string) => {
    producer.append(texts.name, 0, 1, Buffer.from(key), Buffer.from(value), [])
  }
  const few = Array.from({ length: 500 }, (_, i) => `text ${i}`)
  for (const text of few) send('few', text)
  for (let i = 0; i < 5; i++) {
    send('big', PART)
    send('k', String(i))
  }
  await producer.flush()
  await until(async () => (await valuesOf(cluster, lengths.name, 'k')).length >= 5)

  const numbers = async (key: string) =>
    (await valuesOf(cluster, lengths.name, key)).map(value => int64.decode(value))
  assert.deepEqual(await numbers('k'), [1, 2, 3, 4, 5])
  assert.deepEqual(await numbers('big'), [300_000, 600_000, 900_000])
  assert.equal((await numbers('few')).length, 500)
  assert.deepEqual((await valuesOf(cluster, copies.name, 'few')).map(String), few)
  assert.deepEqual((await valuesOf(cluster, copies.name, 'k')).map(String), ['0', '1', '2', '3', '4'])
  assert.deepEqual(await valuesOf(cluster, copies.name, 'big'), [])

  const dead = await recordsOf(cluster, letters)
  assert.deepEqual(
    dead.map(({ key, value }) => [key, value?.length]),
    [
      ['big', 300_000],
      ['big', 300_000],
    ],
  )
  const [first] = dead.map(({ headers }) => textsOf(headers))
  assert.equal(first?.['code'], 'RECORD_TOO_LARGE')
  assert.equal(first?.['kind'], 'processing')
  assert.equal(first?.['topic'], texts.name)
  assert.equal(first?.['offset'], '506')
  assert.match(
    first?.['message'] ?? '',
    /A row of the store "joined", .*key 3, value 1200000, .* at most 1048588/,
  )

  const counted = (reason: string) => application.counts.dropped().find(each => each.reason === reason)
  assert.ok((counted('production')?.count ?? 0) >= 5)
  assert.equal(counted('production')?.operator, 'copy')
  assert.equal(counted('processing')?.count, 2)
  await application.close()
  assert.equal(application.failure, undefined)

  // The state that a fresh machine restores is the one that the outputs tell of.
  const again = await start(setting, policy)
  send('big', '!')
  await producer.flush()
  await until(async () => (await numbers('big')).length >= 4)
  assert.equal((await numbers('big'))[3], 900_001)
  await again.close()
}

/** Without a policy the application ends, and says what is too large, where, and of which record. */
export async function endsAtWhatIsTooLarge(setting: Setting): Promise<void> {
  const { cluster, prefix } = setting
  const { texts, lengths } = names(prefix)
  await createTopics(cluster, [texts])
  await using producer = new Producer(cluster)
  const send = async (...values: string[]) => {
    for (const value of values) {
      producer.append(texts.name, 0, 1, Buffer.from('key'), Buffer.from(value), [])
    }
    await producer.flush()
  }
  const output = await start(setting, 'fail')
  await send('short', 'y'.repeat(SMALL_BYTES))
  await output.whenEnded()
  assert.ok(isEvertError(output.failure, 'TASK_FAILED'), String(output.failure))
  assert.match(
    output.failure.message,
    new RegExp(
      `Task 0_0 stopped at ${texts.name}-0, offset 1, in node copy: The record for the topic "${prefix}copies" takes ` +
        `2073 bytes \\(key 3, value 2000, headers 0\\), and the topic at most 2000\\.`,
    ),
  )

  const change = await start(setting, { production: 'skip' })
  await send(PART, PART, PART, PART)
  await change.whenEnded()
  assert.ok(isEvertError(change.failure, 'TASK_FAILED'), String(change.failure))
  assert.match(
    change.failure.message,
    new RegExp(
      `stopped at ${texts.name}-0, offset 5, .* A row of the store "joined", for its changelog topic ` +
        `"${prefix}growing-joined-changelog", takes \\d+ bytes \\(key 3, value 1202005, headers 0\\)`,
    ),
  )
  if (setting.guarantee === 'at_least_once') return
  const told = await valuesOf(cluster, lengths.name, 'key')
  assert.ok(told.every(value => int64.decode(value) < 1_000_000))
}

function textsOf(headers: readonly RecordHeader[]): Record<string, string> {
  return Object.fromEntries(
    headers.map(({ key, value }) => [key.replace('__streams.errors.', ''), value?.toString() ?? '']),
  )
}

interface Read {
  readonly key: string
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}

async function recordsOf(cluster: Cluster, name: string): Promise<Read[]> {
  const found: Read[] = []
  for await (const { batches, firstOffset } of readTopic(cluster, name)) {
    for (const batch of batches) {
      const columns = batch.records()
      for (let i = 0; i < columns.count; i++) {
        if (columns.offset(i) < firstOffset) continue
        const value = columns.value(i)
        found.push({
          key: String(columns.key(i)),
          value: value && Buffer.from(value),
          headers: columns.headers(i),
        })
      }
    }
  }
  return found
}

async function valuesOf(cluster: Cluster, name: string, key: string): Promise<Buffer[]> {
  return (await recordsOf(cluster, name))
    .filter(record => record.key === key)
    .map(({ value }) => value as Buffer)
}

/** Nothing tells of records that were committed by somebody else. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise(resolve => setTimeout(resolve, 20))
}
