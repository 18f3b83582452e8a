/** `npm run compare`: the same works by several engines, in fresh processes that take turns; ratios as medians. */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { compact, median, table } from '../harness/statistics.ts'
import type { Outcome, Suite } from './suite.ts'

const suites = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(entry => entry.name)

const HELP = `Usage: npm run compare -- SUITE [WORK ...] [--runs N] [--records N] [--json]

  SUITE      what to compare with: ${suites.join(', ')}
  WORK       names (or beginnings of names) of the works; default: all of them
  --runs N   fresh processes per engine and work, 3 by default
  --records N  how much input, for suites that make one for all works (kafka-streams: orders, 2,000,000)
  --json     print the figures as JSON instead of a table

Every engine gets the same input and must end with the same result, or the comparison fails. Rates are records per
second of wall clock, and per CPU-second (user and system time of the whole process, all threads). A ratio is the first
engine's rate over the other's in the same run; its median is printed.`

const { values: options, positionals } = parseOptions()
const [suiteName, ...wanted] = positionals
if (options.help) exitWith(HELP, 0)
if (suiteName === undefined || !suites.includes(suiteName)) exitWith(`Name a suite: ${suites.join(', ')}.`, 2)
const { suite } = (await import(`./${suiteName}/suite.ts`)) as { suite: Suite }
const works = Object.keys(suite.works).filter(
  work => wanted.length === 0 || wanted.some(part => work.startsWith(part)),
)
if (works.length === 0)
  exitWith(`No work begins with ${wanted.join(', ')}. There are: ${Object.keys(suite.works).join(', ')}.`, 2)
const runs = Number(options.runs)
if (!Number.isInteger(runs) || runs < 1)
  exitWith(`--runs needs a whole number, 1 or more; got ${options.runs}.`, 2)

const records = options.records === undefined ? undefined : Number(options.records)
if (records !== undefined && (!Number.isInteger(records) || records < 1))
  exitWith(`--records needs a whole number, 1 or more; got ${options.records}.`, 2)

/** By work and engine, an outcome per run. */
const outcomes = new Map<string, Map<string, Outcome[]>>()
const opened = await suite.open?.({ ...(records !== undefined && { records }) })
try {
  for (const work of works) outcomes.set(work, await runWork(work))
} finally {
  await opened?.close()
}
if (options.json) console.log(JSON.stringify(asJson(), null, 2))
else console.log(asText())

async function runWork(work: string): Promise<Map<string, Outcome[]>> {
  const found = new Map<string, Outcome[]>(suite.engines.map(engine => [engine, []]))
  for (let run = 0; run < runs; run++) {
    for (const engine of run % 2 === 0 ? suite.engines : suite.engines.toReversed()) {
      process.stderr.write(`\r\x1b[K${work}, run ${run + 1} of ${runs}: ${engine}`)
      found.get(engine)?.push(await runOnce(engine, work))
    }
  }
  process.stderr.write('\r\x1b[K')
  const digests = new Set([...found.values()].flat().map(outcome => outcome.digest))
  if (digests.size > 1) {
    const each = Array.from(
      found,
      ([engine, all]) => `${engine} ${all.map(one => one.digest.slice(0, 12)).join(' ')}`,
    )
    throw new Error(`The results of ${work} differ: ${each.join('; ')}.`)
  }
  return found
}

async function runOnce(engine: string, work: string): Promise<Outcome> {
  const script = join(import.meta.dirname, 'run-work.ts')
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...process.execArgv, script, suiteName as string, engine, work],
    { maxBuffer: 1 << 24, env: { ...process.env, ...opened?.environment } },
  )
  return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Outcome
}

interface Line {
  readonly work: string
  readonly engine: string
  readonly records: number
  readonly recordsPerCpuSecond: readonly number[]
  readonly recordsPerSecond: readonly number[]
  readonly peakRssMiB: readonly number[]
  /** How many times as fast the first engine was by the clock, per run. */
  readonly ratios: readonly number[]
  /** The same per CPU-second. */
  readonly cpuRatios: readonly number[]
  readonly written: Readonly<Record<string, number>> | undefined
}

function lines(): Line[] {
  return [...outcomes].flatMap(([work, byEngine]) => {
    const [ours] = [...byEngine.values()] as [Outcome[]]
    return Array.from(byEngine, ([engine, all]) => ({
      work,
      engine,
      records: (all[0] as Outcome).records,
      recordsPerCpuSecond: all.map(one => one.records / one.cpuSeconds),
      recordsPerSecond: all.map(one => one.records / one.seconds),
      peakRssMiB: all.map(one => one.peakRssBytes / 2 ** 20),
      ratios: all.map((one, run) => one.seconds / (ours[run] as Outcome).seconds),
      cpuRatios: all.map((one, run) => one.cpuSeconds / (ours[run] as Outcome).cpuSeconds),
      written: all[0]?.written,
    }))
  })
}

function asJson() {
  return {
    machine: { cpus: cpus().length, model: cpus()[0]?.model, node: process.version },
    runs,
    lines: lines().map(line => ({
      ...line,
      medianRecordsPerCpuSecond: median(line.recordsPerCpuSecond),
      medianRecordsPerSecond: median(line.recordsPerSecond),
      medianRatio: median(line.ratios),
      medianCpuRatio: median(line.cpuRatios),
    })),
  }
}

function asText(): string {
  const rows = lines().map(line => [
    `${line.work}: ${line.engine}`,
    compact(median(line.recordsPerSecond)),
    `${median(line.ratios).toFixed(1)} ×`,
    compact(median(line.recordsPerCpuSecond)),
    `${median(line.cpuRatios).toFixed(1)} ×`,
    `${median(line.peakRssMiB).toFixed(0)} MiB`,
    line.recordsPerSecond.map(compact).join('  '),
    line.recordsPerCpuSecond.map(compact).join('  '),
  ])
  const faster = `${suite.engines[0]} is faster`
  return [
    suite.description,
    `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}; ${runs} fresh processes each, medians; all results equal`,
    '',
    table(
      [
        'work',
        'records/s',
        faster,
        'per CPU-second',
        faster,
        'peak memory',
        'records/s of each run',
        'per CPU-second',
      ],
      rows,
    ),
    '',
    ...writings(),
    ...works.map(work => `${work}: ${suite.works[work]}`),
  ].join('\n')
}

/** What the engines wrote, where they say so. */
function writings(): string[] {
  const said = lines().flatMap(({ work, engine, written }) => {
    if (written === undefined) return []
    const counts = Object.entries(written).map(([where, count]) => `${compact(count)} to ${where}`)
    return [`${work}: ${engine} wrote ${counts.join(', ')}`]
  })
  return said.length === 0 ? [] : [...said, '']
}

function parseOptions() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        runs: { type: 'string', default: '3' },
        records: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    return exitWith(`${(error as Error).message}\n\n${HELP}`, 2)
  }
}

function exitWith(text: string, status: number): never {
  if (status === 0) console.log(text)
  else console.error(text)
  process.exit(status)
}
