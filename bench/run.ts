/** `npm run bench`: runs the cases in fresh processes, in alternating order, and prints medians with the raw values. */
import { execFile } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import type { Case, Measurement } from './harness/measure.ts'
import { compact, median, table } from './harness/statistics.ts'

const HELP = `Usage: npm run bench -- [CASE ...] [--runs N] [--json]

  CASE       names (or beginnings of names) of the cases to run; default: all of them
  --runs N   fresh processes per case, 5 by default
  --json     print the figures as JSON instead of a table
  --list     name the cases and what they do

Every measurement is one fresh process; the cases take turns, so that a change of the machine's speed meets all of
them. Rates are records per second of wall clock; per CPU-second counts user and system time of the whole process.`

const { values: options, positionals: wanted } = parseOptions()
if (options.help) exitWith(HELP, 0)

const all = readdirSync(join(import.meta.dirname, 'cases'))
  .filter(file => file.endsWith('.ts'))
  .map(file => file.slice(0, -3))
  .toSorted()
const names = wanted.length === 0 ? all : all.filter(name => wanted.some(part => name.startsWith(part)))
if (names.length === 0) {
  exitWith(`No case begins with ${wanted.join(', ')}. There are: ${all.join(', ')}.`, 2)
}
const runs = Number(options.runs)
if (!Number.isInteger(runs) || runs < 1)
  exitWith(`--runs needs a whole number, 1 or more; got ${options.runs}.`, 2)

const descriptions = new Map<string, string>()
for (const name of names) {
  const { benchmark } = (await import(`./cases/${name}.ts`)) as { benchmark: Case }
  descriptions.set(name, benchmark.description)
}
if (options.list) {
  exitWith(names.map(name => `${name.padEnd(20)} ${descriptions.get(name)}`).join('\n'), 0)
}

const measurements = await runAll()
if (options.json) console.log(JSON.stringify(asJson(), null, 2))
else console.log(asText())

async function runAll(): Promise<Map<string, Measurement[]>> {
  const results = new Map<string, Measurement[]>(names.map(name => [name, []]))
  for (let run = 0; run < runs; run++) {
    for (const name of run % 2 === 0 ? names : names.toReversed()) {
      process.stderr.write(`\r\x1b[Krun ${run + 1} of ${runs}: ${name}`)
      results.get(name)?.push(await runOnce(name))
    }
  }
  process.stderr.write('\r\x1b[K')
  return results
}

async function runOnce(name: string): Promise<Measurement> {
  const script = join(import.meta.dirname, 'harness/run-case.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, script, name], {
    maxBuffer: 1 << 24,
  })
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
    cases: names.map(name => {
      const { recordsPerSecond, recordsPerCpuSecond, peakRssMiB } = figures(name)
      return {
        name,
        description: descriptions.get(name),
        records: measurements.get(name)?.[0]?.records,
        recordsPerSecond: { median: median(recordsPerSecond), raw: recordsPerSecond },
        recordsPerCpuSecond: { median: median(recordsPerCpuSecond), raw: recordsPerCpuSecond },
        peakRssMiB: { median: median(peakRssMiB), raw: peakRssMiB },
      }
    }),
  }
}

function asText(): string {
  const rows = names.map(name => {
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
    table(['case', 'records/s', 'per CPU-second', 'peak memory', 'records/s of each run'], rows),
    '',
    ...names.map(name => `${name}: ${descriptions.get(name)}`),
  ].join('\n')
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
