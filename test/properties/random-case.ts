import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mkdtempSync, rmSync } from 'node:fs'
import { seededRandom } from '../../src/internal/random.ts'
import type { Topology } from '../../src/streams/graph/topology.ts'
import type { ErrorPolicy } from '../../src/streams/processors/error-policy.ts'
import { LmdbEngine } from '../../src/streams/state/lmdb.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import type { Breaker } from './broken-engines.ts'
import { buildProgram } from './build-program.ts'
import { faultyTask } from './faulty-task.ts'
import { drawInputs, type Inputs, smallerInputs } from './input.ts'
import { operators, topicOf } from './operators.ts'
import { differenceBetween, type Outcome } from './outcome.ts'
import { errorPolicyOf, plainTask } from './plain-task.ts'
import { drawProgram, printProgram, type Program, smallerPrograms } from './program.ts'
import { TooManyRecords } from './simulated-log.ts'
import { runSimulated } from './simulated-run.ts'

const MAX_RECORDS = 4_000

export interface Case {
  readonly program: Program
  readonly inputs: Inputs
  /** Decides about batches, commits and faults. */
  readonly conductSeed: number
}

/** Undefined when the DSL refuses what was drawn. */
export function drawCase(seed: number): Case | undefined {
  const random = seededRandom(seed)
  const program = drawProgram(random, {
    shapes: operators,
    maxOperators: 9,
    errorPolicies: ['fail', 'fail', 'skip', 'deadLetter'],
  })
  if (buildProgram(program) === undefined) return undefined
  return {
    program,
    inputs: drawInputs(random, topicsOf(program)),
    conductSeed: Math.floor(random() * 2 ** 31),
  }
}

/** What it reads. */
export function topicsOf({ steps }: Program): string[] {
  return steps.flatMap(step => {
    if (operators[step.op]?.takes.length !== 0) return []
    const first = topicOf(step, 'in').name
    return step.op === 'streamOfTwo' ? [first, topicOf(step, 'second').name] : [first]
  })
}

/** The first difference between the plain run and one with batches, commits and faults; undefined: none. */
export async function differenceOf(
  { program, inputs, conductSeed }: Case,
  breaker: Breaker = engine => engine,
): Promise<string | undefined> {
  const topology = buildProgram(program)
  if (topology === undefined) return undefined
  const readable = new Set(topicsOf(program))
  const read = inputs.map(part => part.filter(({ topic }) => readable.has(topic)))
  const onError = errorPolicyOf(program)
  let expected: Outcome | undefined
  try {
    expected = await plainOutcome(topology, read, onError)
  } catch (error) {
    return `the plain run failed: ${(error as Error).stack ?? String(error)}`
  }
  if (expected === undefined) return undefined
  const random = seededRandom(conductSeed)
  const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T
  const directory = mkdtempSync(join(tmpdir(), 'evert-random-'))
  const isOnDisk = random() < 0.35
  const engine = isOnDisk ? new LmdbEngine(directory) : new MemoryEngine()
  try {
    const found = await runSimulated(
      topology,
      read,
      faultyTask(onError, {
        engine: breaker(engine),
        batchRecords: pick(1, 3, 20, 1_000),
        commitChance: pick(0, 0.05, 0.3, 1),
        faultChance: isOnDisk ? pick(0, 0.03) : pick(0, 0.02, 0.1),
        cacheBytes: pick(0, 500, 5_000, Infinity),
        cachedValues: pick(0, 100, 100_000),
        flushedCommits: pick(1, 1, 3, 20),
        random,
      }),
    )
    return differenceBetween(expected, found)
  } catch (error) {
    return `the run failed: ${(error as Error).stack ?? String(error)}`
  } finally {
    await engine.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Undefined when it would be too large. */
async function plainOutcome(
  topology: Topology,
  inputs: Inputs,
  onError: ErrorPolicy,
): Promise<Outcome | undefined> {
  try {
    return await runSimulated(topology, inputs, plainTask(onError), MAX_RECORDS)
  } catch (error) {
    if (error instanceof TooManyRecords) return undefined
    throw error
  }
}

/** A smaller case that still differs, as small as it gets in the time. */
export async function shrunk(failing: Case, budgetMs: number, breaker?: Breaker): Promise<Case> {
  const endMs = performance.now() + budgetMs
  let smallest = failing
  const differs = async (tried: Case): Promise<boolean> => {
    // What happens follows from the numbers that are drawn, which a smaller case uses differently: several tries.
    for (let i = 0; i < 4; i++) {
      const again = { ...tried, conductSeed: tried.conductSeed + i }
      if ((await differenceOf(again, breaker)) === undefined) continue
      smallest = again
      return true
    }
    return false
  }
  function* smaller(): Generator<Case> {
    for (const program of smallerPrograms(smallest.program, operators)) yield { ...smallest, program }
    for (const inputs of smallerInputs(smallest.inputs)) yield { ...smallest, inputs }
  }
  search: for (;;) {
    for (const tried of smaller()) {
      if (performance.now() > endMs) return smallest
      if (await differs(tried)) continue search
    }
    return smallest
  }
}

export function printCase({ program, inputs, conductSeed }: Case): string {
  const records = inputs.flatMap((part, index) =>
    part.map(({ topic, key, value, timestamp }) => {
      const value64 = value === null ? 'null' : value.readBigInt64BE(0)
      return `  ${index}: ${topic} ${key === null ? 'null' : key.toString()} = ${value64} at ${timestamp}`
    }),
  )
  return [`program:`, printProgram(program), `inputs:`, ...records, `conduct seed: ${conductSeed}`].join('\n')
}
