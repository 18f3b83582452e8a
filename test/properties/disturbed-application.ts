import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTopics, listOffsets } from '../../src/client/admin.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { Producer } from '../../src/client/producer.ts'
import { readTopic } from '../../src/client/read-topic.ts'
import { EvertError } from '../../src/errors.ts'
import { seededRandom } from '../../src/internal/random.ts'
import { partitionFor } from '../../src/records/partitioner.ts'
import type { Topology } from '../../src/streams/graph/topology.ts'
import { type Application, startApplication } from '../../src/streams/runtime/application.ts'
import { LmdbEngine } from '../../src/streams/state/lmdb.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import type { RawRecord } from '../../src/testing/single-record.ts'
import { openFaultyLog } from '../exactly-once/faulty-log.ts'
import type { Breaker } from './broken-engines.ts'
import { buildProgram } from './build-program.ts'
import { comparable } from './comparable.ts'
import { drawInputs, type Inputs } from './input.ts'
import { operators, topicOf } from './operators.ts'
import { type Outcome, recordsAsText, rowsAsText } from './outcome.ts'
import { errorPolicyOf } from './plain-task.ts'
import { drawProgram, type Program, type Shape } from './program.ts'
import { topicsOf } from './random-case.ts'
import { DEAD_LETTERS } from './simulated-run.ts'

export const PARTITIONS = 3
const CASE_TIMEOUT_MS = 30_000

/**
 * `keyed`: every operator, as long as records keep their keys, so that all that meets in a task came in one partition.
 * `rekeyed`: keys change, and tasks send to each other; what comes out does not depend on the order of records.
 */
export type Flavour = 'keyed' | 'rekeyed'

export interface ApplicationCase {
  readonly program: Program
  readonly flavour: Flavour
  readonly topology: Topology
  readonly inputs: Inputs
  /** As `topic <name>`. */
  readonly topics: { readonly unordered: ReadonlySet<string> }
}

/** What happened over all cases. */
export const totals = { crashes: 0, faults: 0, refusals: 0, lostDisks: 0 }

const keyChanging = [
  'selectKey',
  'repartition',
  'windowsToStream',
  'tableGroup',
  'versionedGroup',
  'foreignKey',
]
const keyedShapes: Record<string, Shape> = Object.fromEntries(
  Object.entries(operators)
    .filter(([name]) => !keyChanging.includes(name))
    // What processors send on may have any key: nothing follows.
    .map(([name, shape]) => [
      name,
      name === 'process' || name === 'timers' ? { ...shape, gives: 'end' } : shape,
    ]),
)
const rekeyedShapes: Record<string, Shape> = Object.fromEntries(
  [
    'stream',
    'table',
    'filter',
    'merge',
    'map',
    'tableFilter',
    'tableMap',
    'foreignKey',
    'sumBy',
    'countBy',
    'tableCountBy',
  ].map(name => [name, { ...(operators[name] as Shape), weight: 1 }]),
)

export function drawApplicationCase(seed: number): ApplicationCase | undefined {
  const random = seededRandom(seed)
  const flavour: Flavour = random() < 0.6 ? 'keyed' : 'rekeyed'
  const program = drawProgram(random, {
    shapes: flavour === 'keyed' ? keyedShapes : rekeyedShapes,
    maxOperators: 6,
    errorPolicies: ['fail', 'skip', 'deadLetter'],
  })
  const topology = buildProgram(program, {
    keepsKeys: flavour === 'keyed',
    isTimeless: flavour === 'rekeyed',
  })
  if (topology === undefined) return undefined
  const hasRepartition = topology.subTopologies.some(each => each.repartitionSources.length > 0)
  if (flavour === 'keyed' && hasRepartition) return undefined
  const unordered = program.steps.flatMap(step => {
    const isStream = flavour === 'rekeyed' && operators[step.op]?.gives === 'stream'
    const isEnd = isStream || step.op === 'process' || step.op === 'timers'
    return isEnd ? [`topic ${topicOf(step, 'out').name}`] : []
  })
  return {
    program,
    flavour,
    topology,
    inputs: drawInputs(random, topicsOf(program), { parts: 1, recordsAtMost: 2_500 }),
    topics: { unordered: new Set([...unordered, `topic ${DEAD_LETTERS}`]) },
  }
}

/** Runs it with faults until all is done, then once without, so that every store has what its changelog has. */
export async function runDisturbed(
  drawn: ApplicationCase,
  seed: number,
  breaker: Breaker = engine => engine,
): Promise<Outcome> {
  const random = seededRandom(seed + 1)
  const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T
  const { topology, program } = drawn
  await using log = await openFaultyLog(random)
  await write(log.cluster, drawn)
  const directory = mkdtempSync(join(tmpdir(), 'evert-applications-'))
  const isOnDisk = random() < 0.4
  const newEngine = () => (isOnDisk ? new LmdbEngine(directory) : new MemoryEngine())
  let engine = newEngine()
  let running: Application | undefined
  const options = () => ({
    topology,
    engine: breaker(engine),
    onError: errorPolicyOf(program),
    commitIntervalMs: pick(0, 2, 10),
    stateStoreCacheMaxBytes: pick(0, 2_000, 64 * 1024 * 1024),
  })
  const end = performance.now() + CASE_TIMEOUT_MS
  try {
    for (let crashes = 1 + Math.floor(random() * 4); crashes > 0; crashes--) {
      const chance = pick(0, 0.005, 0.02)
      running = await started({ ...options(), cluster: log.faultyCluster(() => chance) })
      await new Promise(resolve => setTimeout(resolve, random() * 150))
      await running?.abandon()
      totals.crashes++
      await engine.close()
      if (random() < 0.3) {
        totals.lostDisks++
        rmSync(directory, { recursive: true, force: true })
        if (!isOnDisk) engine = newEngine()
      }
      if (isOnDisk) engine = newEngine()
    }
    running = await startApplication({ ...options(), cluster: log.cluster })
    await running.whenRunning()
    while (!(await isDone(log.cluster, running, topology.subTopologies.length * PARTITIONS))) {
      if (running.failure !== undefined) throw running.failure
      if (performance.now() > end) throw new Error('The application does not come to the end of its inputs.')
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    const outcome = new Map<string, string[]>()
    for (const { stores, subTopology } of running.tasks()) {
      for (const definition of subTopology.stores) {
        const name = `store ${definition.name}`
        const rows = rowsAsText(definition, stores.committed(definition.name).range())
        outcome.set(name, [...(outcome.get(name) ?? []), ...rows])
      }
    }
    await running.close()
    const outputs = program.steps.map(step => topicOf(step, 'out').name)
    for (const name of [...outputs, DEAD_LETTERS]) {
      const records = await recordsOf(log.cluster, name)
      outcome.set(`topic ${name}`, recordsAsText(records, name !== DEAD_LETTERS))
    }
    totals.faults += log.faults
    totals.refusals += log.refusals
    return comparable(outcome, drawn)
  } finally {
    await running?.abandon()
    await engine.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Requests may be lost before the group has accepted it. */
async function started(options: Parameters<typeof startApplication>[0]): Promise<Application | undefined> {
  try {
    return await startApplication(options)
  } catch (error) {
    if (error instanceof EvertError) return undefined
    throw error
  }
}

/** Everything is there before the application is: what it takes first then follows from time alone. */
async function write(cluster: Cluster, { inputs, program }: ApplicationCase): Promise<void> {
  const outputs = program.steps.map(step => topicOf(step, 'out').name)
  const names = [...new Set([...topicsOf(program), ...outputs, DEAD_LETTERS])]
  await createTopics(
    cluster,
    names.map(name => ({ name, partitions: PARTITIONS })),
  )
  await using producer = new Producer(cluster, { batchBytes: 2_000 })
  for (const { topic, timestamp, key, value, headers } of inputs.flat()) {
    producer.append(topic, partitionFor(key ?? Buffer.alloc(0), PARTITIONS), timestamp, key, value, [
      ...headers,
    ])
  }
  await producer.flush()
}

/**
 * Every input, repartition topics included, is committed up to its end, and every task is here: an instance that
 * crashed keeps its tasks until its session is over.
 */
async function isDone(cluster: Cluster, application: Application, tasks: number): Promise<boolean> {
  if (application.tasks().length < tasks) return false
  const inputs = application.tasks().flatMap(task =>
    task.topics.map(topic => ({
      topic,
      partition: task.partition,
      committed: task.committed.get(topic) ?? 0,
    })),
  )
  const ends = await listOffsets(
    cluster,
    inputs.map(({ topic, partition }) => ({ topic, partition, at: 'latest' as const })),
    { isolation: 'read_uncommitted' },
  )
  return inputs.every(({ committed }, index) => committed === ends[index]?.offset)
}

async function recordsOf(cluster: Cluster, topic: string): Promise<RawRecord[]> {
  await untilDecided(cluster, topic)
  const records: RawRecord[] = []
  for await (const { batches, firstOffset } of readTopic(cluster, topic)) {
    for (const batch of batches) {
      const columns = batch.records()
      for (let i = 0; i < columns.count; i++) {
        const offset = columns.offset(i)
        if (offset < firstOffset) continue
        const [timestamp, key, value] = [columns.timestamp(i), columns.key(i), columns.value(i)]
        records.push({ offset, timestamp, key, value, headers: columns.headers(i) })
      }
    }
  }
  return records
}

/**
 * What an instance left open that lost its disk, and with it its identity, hides all that follows until the
 * coordinator aborts it.
 */
async function untilDecided(cluster: Cluster, topic: string): Promise<void> {
  const places = Array.from({ length: PARTITIONS }, (_, partition) => ({
    topic,
    partition,
    at: 'latest' as const,
  }))
  for (;;) {
    const ends = await listOffsets(cluster, places, { isolation: 'read_uncommitted' })
    const stable = await listOffsets(cluster, places, { isolation: 'read_committed' })
    if (stable.every(({ offset }, index) => offset >= (ends[index]?.offset ?? 0))) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
