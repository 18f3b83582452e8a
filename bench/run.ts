/** `npm run bench`: runs the cases in fresh processes, in alternating order, and prints medians with the raw values. */
import { execFile } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import type { Case, Measurement } from './harness/measure.ts'
import { compact, median, table } from './harness/statistics.ts'

const HELP = `Usage: npm run bench -- [CASE ...] [--runs N] [--json]

  CASE       names (or beginnings of names) of the cases to run; default: those over the embedded log.
             "engine" runs all cases of the stream engine alone, in memory and LMDB, without a log;
             "engine-count" one of them, "engine-count-lmdb" one of its variants
  --runs N   fresh processes per case, 5 by default
  --json     print the figures as JSON instead of a table
  --list     name the cases and what they do

Every measurement is one fresh process; the cases take turns, so that a change of the machine's speed meets all of
them. Rates are records per second of wall clock; per CPU-second counts user and system time of the whole process.`

const { values: options, positionals: wanted } = parseOptions()
if (options.help) exitWith(HELP, 0)

const all = await allRows()
const rows = all.filter(row =>
  wanted.length === 0 ? row.benchmark.onRequest !== true : wanted.some(part => row.name.startsWith(part)),
)
if (rows.length === 0) {
  exitWith(`No case begins with ${wanted.join(', ')}. There are: ${all.map(row => row.name).join(', ')}.`, 2)
}
const runs = Number(options.runs)
if (!Number.isInteger(runs) || runs < 1)
  exitWith(`--runs needs a whole number, 1 or more; got ${options.runs}.`, 2)

if (options.list) {
  const listed = wanted.length === 0 ? all : rows
  exitWith(listed.map(row => `${row.name.padEnd(36)} ${row.benchmark.description}`).join('\n'), 0)
}

const measurements = await runAll()
if (options.json) console.log(JSON.stringify(asJson(), null, 2))
else console.log(asText())

/** A line of the report: a case, or one of its variants. */
interface Row {
  readonly name: string
  readonly file: string
  readonly variant: string
  readonly benchmark: Case
}

async function allRows(): Promise<Row[]> {
  const files = readdirSync(join(import.meta.dirname, 'cases')).filter(file => file.endsWith('.ts'))
  const found: Row[] = []
  for (const file of files.map(file => file.slice(0, -3)).toSorted()) {
    const { benchmark } = (await import(`./cases/${file}.ts`)) as { benchmark: Case }
    for (const variant of benchmark.variants ?? ['']) {
      found.push({ name: variant === '' ? file : `${file}-${variant}`, file, variant, benchmark })
    }
  }
  return found
}

async function runAll(): Promise<Map<string, Measurement[]>> {
  const results = new Map<string, Measurement[]>(rows.map(row => [row.name, []]))
  for (let run = 0; run < runs; run++) {
    for (const row of run % 2 === 0 ? rows : rows.toReversed()) {
      process.stderr.write(`\r\x1b[Krun ${run + 1} of ${runs}: ${row.name}`)
      results.get(row.name)?.push(await runOnce(row))
    }
  }
  process.stderr.write('\r\x1b[K')
  return results
}

async function runOnce({ file, variant }: Row): Promise<Measurement> {
  const script = join(import.meta.dirname, 'harness/run-case.ts')
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...process.execArgv, script, file, variant],
    {
      maxBuffer: 1 << 24,
    },
  )
  return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Measurement
}

function figures(name: string) {
  const measured = measurements.get(name) as Measurement[]
  return {
    recordsPerSecond: measured.map(one => one.records / one.seconds),
    recordsPerCpuSecond: measured.map(one => one.records / one.cpuSeconds),
    peakRssMiB: measured.map(one => one.peakRssBytes / 2 ** 20),
  }
}

function asJson() {
  return {
    machine: { cpus: cpus().length, model: cpus()[0]?.model, memoryBytes: totalmem(), node: process.version },
    runs,
    cases: rows.map(({ name, benchmark }) => {
      const { recordsPerSecond, recordsPerCpuSecond, peakRssMiB } = figures(name)
      return {
        name,
        description: benchmark.description,
        records: measurements.get(name)?.[0]?.records,
        recordsPerSecond: { median: median(recordsPerSecond), raw: recordsPerSecond },
        recordsPerCpuSecond: { median: median(recordsPerCpuSecond), raw: recordsPerCpuSecond },
        peakRssMiB: { median: median(peakRssMiB), raw: peakRssMiB },
      }
    }),
  }
}

function asText(): string {
  const lines = rows.map(({ name }) => {
    const { recordsPerSecond, recordsPerCpuSecond, peakRssMiB } = figures(name)
    return [
      name,
      compact(median(recordsPerSecond)),
      compact(median(recordsPerCpuSecond)),
      `${median(peakRssMiB).toFixed(0)} MiB`,
      recordsPerSecond.map(compact).join('  '),
    ]
  })
  return [
    `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}; ${runs} fresh processes per case, medians`,
    '',
    table(['case', 'records/s', 'per CPU-second', 'peak memory', 'records/s of each run'], lines),
    '',
    ...descriptions(),
  ].join('\n')
}

function descriptions(): Set<string> {
  return new Set(rows.map(({ file, benchmark }) => `${file}: ${benchmark.description}`))
}

function parseOptions() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        runs: { type: 'string', default: '5' },
        json: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
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
