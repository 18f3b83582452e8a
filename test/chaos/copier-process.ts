/**
 * Copies its share of the input's partitions to the same partitions of the output, in transactions that hold the
 * offsets too; aborts some on purpose and copies again. Whoever takes over its transactional id ends it.
 */
import { committedOffsets } from '../../src/client/group-offsets.ts'
import { Fetcher } from '../../src/client/fetcher.ts'
import { Producer } from '../../src/client/producer.ts'
import { isMigration, isPassing } from '../../src/streams/runtime/migration.ts'
import { Random } from '../format/random.ts'
import { copied, GROUP, original, PARTITIONS, TRANSACTION_HEADER } from './copy-topics.ts'
import { openPatiently } from './open-patiently.ts'

const [url, , index, size, seed] = process.argv.slice(2) as [string, string, string, string, string]
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)
const note = (text: string): void => void process.stderr.write(`${new Date().toISOString()} ${text}\n`)

const ABORTED_OF = 20
const TRANSACTION_RECORDS = 1_000

const stopping = new AbortController()
process.once('SIGTERM', () => stopping.abort())
const random = new Random(Number(seed) + process.pid)
const group = { groupId: GROUP }
const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition).filter(
  partition => partition % Number(size) === Number(index),
)

const cluster = await openPatiently(url)
const producer = new Producer(cluster, { transactionalId: `copier-${index}`, transactionTimeoutMs: 10_000 })
// Read-ahead is small: what is buffered is read again after each abort.
const fetcher = new Fetcher(cluster, { maxBufferedBytes: 1024 * 1024, partitionMaxBytes: 128 * 1024 })
let transactions = 0

try {
  await producer.init()
  await rewind()
  while (!stopping.signal.aborted) await copyOnce()
} catch (error) {
  if (!isMigration(error)) throw error
  note(`ends: ${(error as Error).message}`)
  say({ kind: 'fenced' })
}
await fetcher.close()
await producer.abandon()
await cluster.close()

/** Goes on from what is committed, once nothing is about to change that. */
async function rewind(): Promise<void> {
  const places = partitions.map(partition => ({ topic: original, partition }))
  const known = await committedOffsets(cluster, group, places)
  fetcher.assign(
    places.map(place => ({
      ...place,
      offset: known.find(({ partition }) => partition === place.partition)?.offset ?? 0,
    })),
  )
}

async function copyOnce(): Promise<void> {
  const parts = await fetcher.poll({ maxWaitMs: 200 })
  let isBegun = false
  let count = 0
  let wanted = 1 + random.below(TRANSACTION_RECORDS)
  let isDoomed = random.oneIn(ABORTED_OF)
  let name = ''
  const offsets = new Map<number, number>()
  const end = async (): Promise<boolean> => {
    const isCommit = !isDoomed
    if (isCommit) {
      const committing = Array.from(offsets, ([partition, offset]) => ({
        topic: original,
        partition,
        offset,
      }))
      await producer.commit({ offsets: committing, group })
    } else {
      await producer.flush()
      await producer.abort()
    }
    isBegun = false
    count = 0
    wanted = 1 + random.below(TRANSACTION_RECORDS)
    isDoomed = random.oneIn(ABORTED_OF)
    offsets.clear()
    return isCommit
  }
  try {
    for (const { partition, firstOffset, batches, nextOffset } of parts) {
      for (const batch of batches) {
        const columns = batch.records()
        for (let row = 0; row < columns.count; row++) {
          const offset = columns.offset(row)
          if (offset < firstOffset) continue
          if (!isBegun) {
            name = `${index}/${process.pid}/${transactions++}`
            // Told before anything is sent: whatever happens, it is not committed.
            if (isDoomed) say({ kind: 'aborted', transaction: name })
            producer.begin()
            isBegun = true
          }
          const header = { key: TRANSACTION_HEADER, value: Buffer.from(name) }
          const [key, value] = [columns.key(row), columns.value(row)]
          producer.append(copied, partition, columns.timestamp(row), key, value, [header])
          offsets.set(partition, offset + 1)
          if (++count >= wanted && !(await end())) return await rewind()
        }
      }
      if (isBegun) offsets.set(partition, nextOffset)
    }
    if (isBegun && !(await end())) await rewind()
  } catch (error) {
    // An abort that nobody else caused: the log was killed under an older protocol, or was out of reach for long.
    if (isMigration(error) || !isPassing(error)) throw error
    note(`copies again: ${(error as Error).message}`)
    await producer.abort()
    await rewind()
  }
}
