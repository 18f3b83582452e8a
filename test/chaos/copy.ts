import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openCluster } from '../../src/app/open-cluster.ts'
import { createTopics } from '../../src/client/admin.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { committedOffsets } from '../../src/client/group-offsets.ts'
import { Producer } from '../../src/client/producer.ts'
import { readTopic } from '../../src/client/read-topic.ts'
import { Random } from '../format/random.ts'
import type { ChaosOptions, ChaosResult } from './chaos.ts'
import { type HurtableCluster, startCluster } from './clusters.ts'
import { copied, GROUP, original, PARTITIONS, TRANSACTION_HEADER } from './copy-topics.ts'
import { runFaults } from './fault-runner.ts'
import { Fleet } from './fleet.ts'
import { checkHistory, type Outcome, type Read, type Write } from './history.ts'
import { copyFaults, describeFault, scheduleFaults } from './schedule.ts'
import { unlessInterrupted } from './unless-interrupted.ts'

export interface CopyOptions extends Omit<ChaosOptions, 'durationMs' | 'rate'> {
  readonly records: number
}

const COPIERS = 3
/** Of which the schedule is made; it ends when everything is copied. */
const SCHEDULED_MS = 3_600_000
const SHOWN_MS = 30_000
const STUCK_MS = 120_000
const INPUT = 'input'

/**
 * After Kafka's own copy test: records are written by an idempotent producer and copied in transactions by processes
 * that are killed, replaced while they are stopped, and refused when they come back; the log is killed too. Each record
 * must be in the input once and in the output once, in the order of its partition, and nothing that was aborted.
 */
export async function runCopy(options: CopyOptions): Promise<ChaosResult> {
  const { directory, signal } = options
  mkdirSync(directory, { recursive: true })
  await using stack = new AsyncDisposableStack()
  const hurtable = await startCluster(options.cluster, directory)
  stack.defer(() => hurtable.stop())
  return await unlessInterrupted(run(options, hurtable, stack), signal)
}

async function run(
  options: CopyOptions,
  hurtable: HurtableCluster,
  stack: AsyncDisposableStack,
): Promise<ChaosResult> {
  const { directory, seed, records, say, signal, kinds = copyFaults } = options
  const note = (text: string): void => {
    appendFileSync(join(directory, 'run.txt'), `${new Date().toISOString()} ${text}\n`)
  }
  const faults = scheduleFaults(new Random(seed), {
    durationMs: SCHEDULED_MS,
    instances: COPIERS,
    sessionTimeoutMs: hurtable.sessionTimeoutMs,
    everyMs: options.faultEveryMs,
    kinds,
  })
  for (const fault of faults.filter(({ atMs }) => atMs < SHOWN_MS)) say(describeFault(fault))
  say('and so on')

  const cluster = stack.use(await openCluster(hurtable.url))
  await createTopics(cluster, [
    { name: original, partitions: PARTITIONS },
    { name: copied, partitions: PARTITIONS },
  ])
  const outcomes = new Map<string, Outcome>([[INPUT, 'committed']])
  const fleet = new Fleet({
    url: hurtable.url,
    directory,
    size: COPIERS,
    script: 'copier-process.ts',
    argsOf: index => [String(index), String(COPIERS), String(seed)],
    onSaid: said => {
      if (said.kind === 'aborted') outcomes.set(said['transaction'] as string, 'aborted')
    },
  })
  stack.defer(() => fleet.killAll())
  fleet.startAll()

  const over = new AbortController()
  stack.defer(() => over.abort())
  const startedMs = performance.now()
  const faulting = runFaults(faults, { fleet, cluster: hurtable, note }, over.signal)
  const writing = writeAll(cluster, records)
  // Their failures are told below; until then they are nobody's.
  for (const running of [faulting, writing]) running.catch(() => {})
  const isComplete = await copiedAll(cluster, { fleet, note, ...options })
  const tookMs = performance.now() - startedMs
  over.abort()
  const hurt = await faulting
  const writes = await writing
  signal.throwIfAborted()
  await fleet.closeAll()

  const found = isComplete ? [] : [`nothing more was copied for ${STUCK_MS / 1000} s`]
  found.push(...fleet.problems)
  for (const topic of [original, copied]) {
    for (const { kind, id, detail } of checkHistory({
      writes,
      outcomes,
      reads: await readAll(cluster, topic),
    })) {
      found.push(`${topic} ${id}: ${kind}: ${detail}`)
    }
  }
  return {
    figures: {
      cluster: options.cluster,
      seed,
      seconds: Math.round(tookMs / 1000),
      faults: hurt,
      starts: fleet.starts,
      records,
      aborted: outcomes.size - 1,
      fenced: fleet.fencings,
      differences: found.length,
    },
    differences: found,
  }
}

/** Writes records numbered from 0, the partitions in turns; resolves when all are acknowledged. */
async function writeAll(cluster: Cluster, records: number): Promise<Write[]> {
  const producer = new Producer(cluster, { deliveryTimeoutMs: 600_000 })
  const writes: Write[] = []
  const filling = Buffer.alloc(80, 'x')
  for (let n = 0; n < records; n++) {
    const partition = n % PARTITIONS
    producer.append(original, partition, n, Buffer.from(String(n)), filling, [])
    writes.push({ writer: INPUT, id: String(n), partition, transaction: INPUT })
    if (producer.isFull) await producer.drained()
    else if (n % 1_000 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  await producer.close()
  return writes
}

interface Waiting extends Pick<CopyOptions, 'progress' | 'signal'> {
  readonly records: number
  readonly fleet: Fleet
  readonly note: (text: string) => void
}

/** Resolves when the copiers have committed the end of the input; false when they do not come nearer to it. */
async function copiedAll(cluster: Cluster, { records, fleet, progress, signal, note }: Waiting) {
  const places = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: original, partition }))
  let best = -1
  let sinceMs = performance.now()
  while (!signal.aborted) {
    let sum = best
    try {
      const offsets = await committedOffsets(cluster, { groupId: GROUP }, places, { requireStable: false })
      sum = offsets.reduce((total, { offset }) => total + offset, 0)
    } catch (error) {
      note(`progress is not known: ${(error as Error).message}`)
    }
    fleet.checkEnds()
    progress(`${sum} of ${records} records copied, ${fleet.starts} starts`)
    if (sum === records) return true
    if (sum > best) {
      best = sum
      sinceMs = performance.now()
    }
    if (performance.now() - sinceMs > STUCK_MS) return false
    await new Promise(resolve => setTimeout(resolve, 500))
  }
  return false
}

async function readAll(cluster: Cluster, topic: string): Promise<Read[]> {
  const reads: Read[] = []
  for await (const { partition, firstOffset, batches } of readTopic(cluster, topic)) {
    for (const batch of batches) {
      const columns = batch.records()
      for (let row = 0; row < columns.count; row++) {
        const offset = columns.offset(row)
        if (offset < firstOffset) continue
        const header = columns.headers(row).find(({ key }) => key === TRANSACTION_HEADER)
        const transaction = header === undefined ? INPUT : String(header.value)
        reads.push({ partition, offset, id: String(columns.key(row)), transaction })
      }
    }
  }
  return reads
}
