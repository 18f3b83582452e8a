import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openCluster } from '../../src/app/open-cluster.ts'
import { createTopics } from '../../src/client/admin.ts'
import { Random } from '../format/random.ts'
import { appendUsers } from './chaos-topics.ts'
import { type ClusterKind, type HurtableCluster, startCluster } from './clusters.ts'
import { differences } from './compare.ts'
import { runFaults } from './fault-runner.ts'
import { Fleet } from './fleet.ts'
import { describeFault, type FaultKind, scheduleFaults } from './schedule.ts'
import { inputs, outputs } from './shop.ts'
import { readRows, type Row, Tail } from './tail.ts'
import { UndisturbedRun } from './undisturbed.ts'
import { unlessInterrupted } from './unless-interrupted.ts'
import { USERS, Writer } from './writer.ts'

export interface ChaosOptions {
  readonly cluster: ClusterKind
  readonly durationMs: number
  readonly seed: number
  /** Records per second. */
  readonly rate: number
  /** Time between two faults, on average. */
  readonly faultEveryMs: number
  /** Default: all. */
  readonly kinds?: readonly FaultKind[]
  /** For everything that the run leaves: the log, state, and notes of all processes. */
  readonly directory: string
  /** Told the schedule, line by line. */
  readonly say: (line: string) => void
  /** Told once a second how it goes. */
  readonly progress: (line: string) => void
  /** Ends the run early, without a result. */
  readonly signal: AbortSignal
}

export interface ChaosResult {
  readonly figures: Readonly<Record<string, string | number>>
  /** What is wrong; empty when everything is right. */
  readonly differences: readonly string[]
}

const INSTANCES = 3
/** 3 sub-topologies with 3 partitions. */
const TASKS = 9
/** The run hangs when nothing new came for so long after the faults. */
const STUCK_MS = 60_000

/**
 * Load and faults; then quiet, in which every task must have one owner and every result must come; then a disk is
 * lost, all start again, and one more record of each user shows that the state is what the outputs say. What was read
 * is compared with what was written, and with a run to which nothing happened.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { directory, signal } = options
  mkdirSync(directory, { recursive: true })
  await using stack = new AsyncDisposableStack()
  const hurtable = await startCluster(options.cluster, directory)
  stack.defer(() => hurtable.stop())
  return await unlessInterrupted(run(options, hurtable, stack), signal)
}

async function run(
  options: ChaosOptions,
  hurtable: HurtableCluster,
  stack: AsyncDisposableStack,
): Promise<ChaosResult> {
  const { directory, seed, durationMs, rate, say, signal } = options
  const note = (text: string): void => {
    appendFileSync(join(directory, 'run.txt'), `${new Date().toISOString()} ${text}\n`)
  }
  const faults = scheduleFaults(new Random(seed), {
    durationMs,
    instances: INSTANCES,
    sessionTimeoutMs: hurtable.sessionTimeoutMs,
    everyMs: options.faultEveryMs,
    ...(options.kinds !== undefined && { kinds: options.kinds }),
  })
  for (const fault of faults) say(describeFault(fault))

  const cluster = stack.use(await openCluster(hurtable.url))
  await createTopics(cluster, [...inputs, ...outputs])
  await appendUsers(cluster)
  const writer = new Writer(cluster, new Random(seed + 1), note)
  stack.defer(() => writer.abandon())
  await writer.start()
  const tails = outputs.map(({ name, partitions }) => new Tail(cluster, name, partitions))
  stack.defer(async () => void (await Promise.allSettled(tails.map(tail => tail.close()))))
  const fleet = new Fleet({ url: hurtable.url, directory, size: INSTANCES, script: 'instance-process.ts' })
  stack.defer(() => fleet.killAll())
  fleet.startAll()
  const seen = (): number => tails.reduce((sum, { rows }) => sum + rows.length, 0)
  const expectedOf = (rows: ReadonlyMap<string, readonly Row[]>): number =>
    [...rows.values()].reduce((sum, { length }) => sum + length, 0)

  const startedMs = performance.now()
  const reporting = setInterval(() => {
    const seconds = Math.round((performance.now() - startedMs) / 1000)
    options.progress(
      `${seconds} s: ${writer.committed.length} records in, ${seen()} results out, ` +
        `${fleet.starts} starts, tasks ${fleet.tasks.map(({ length }) => length).join('+')}`,
    )
    fleet.checkEnds()
  }, 1_000)
  stack.defer(() => clearInterval(reporting))

  // No AbortSignal.any with a timeout: Node forgets that the timeout fired when it is collected before anybody looks,
  // and while the log is down the writer does not look for seconds.
  const writing = writer.run(rate, () => signal.aborted || performance.now() - startedMs >= durationMs)
  // Its failure is told below; until then it is nobody's.
  writing.catch(() => {})
  const hurt = await runFaults(faults, { fleet, cluster: hurtable, note }, signal)
  await writing
  signal.throwIfAborted()
  note('the faults are over')
  fleet.checkEnds()
  fleet.startAll()

  await using undisturbed = await UndisturbedRun.start()
  const found: string[] = []
  let expected = await undisturbed.outputsAfter(writer.committed)
  const settleMs = performance.now()
  await settled(seen, () => expectedOf(expected), signal)
  const caughtUpMs = performance.now() - settleMs
  found.push(...(await ownership(fleet, signal)))
  await fleet.closeAll()

  note('all start again, the first without its disk')
  fleet.loseDisk(0)
  fleet.startAll()
  const before = writer.committed.length
  await writer.write(USERS, index => `user-${index}`)
  expected = await undisturbed.outputsAfter(writer.committed.slice(before))
  await settled(seen, () => expectedOf(expected), signal)
  await fleet.closeAll()
  fleet.checkEnds()
  await writer.close()

  const read = new Map<string, Row[]>()
  for (const { name } of outputs) read.set(name, await readRows(cluster, name))
  for (const tail of tails) await tail.close()
  found.push(
    ...fleet.problems,
    ...differences({
      writes: writer.writes,
      outcomes: writer.outcomes,
      committed: writer.committed,
      outputs: read,
      seen: new Map(tails.map(({ topic, rows }) => [topic, rows])),
      expected,
    }),
  )
  return {
    figures: {
      cluster: options.cluster,
      seed,
      seconds: Math.round(durationMs / 1000),
      faults: hurt,
      starts: fleet.starts,
      records: writer.committed.length,
      aborted: writer.aborts,
      fenced: writer.fencings,
      results: expectedOf(read),
      'caught-up': `${(caughtUpMs / 1000).toFixed(1)}s`,
      differences: found.length,
    },
    differences: found,
  }
}

/** Resolves when as much was seen as is expected, or when nothing more comes: what differs is told by the comparison. */
async function settled(seen: () => number, expected: () => number, signal: AbortSignal): Promise<void> {
  let count = -1
  let sinceMs = 0
  while (count < expected()) {
    signal.throwIfAborted()
    if (seen() !== count) {
      count = seen()
      sinceMs = performance.now()
    } else if (performance.now() - sinceMs > STUCK_MS) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

/** What is wrong with who runs which task, once the group has had time to settle. */
async function ownership(fleet: Fleet, signal: AbortSignal): Promise<string[]> {
  const sinceMs = performance.now()
  for (;;) {
    signal.throwIfAborted()
    const held = fleet.tasks.flat()
    if (fleet.areRunning && held.length === TASKS && new Set(held).size === TASKS) return []
    if (performance.now() - sinceMs > STUCK_MS) {
      const shown = fleet.tasks.map((tasks, index) => `instance ${index} runs ${tasks.join(' ') || 'none'}`)
      return [`${TASKS} tasks should have one owner each, but ${shown.join(', ')}`]
    }
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
