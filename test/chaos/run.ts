/** `npm run chaos`: see HELP. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type ChaosResult, runChaos } from './chaos.ts'
import type { ClusterKind } from './clusters.ts'
import { runCopy } from './copy.ts'
import { copyFaults, type FaultKind, faultKinds } from './schedule.ts'

const HELP = `Usage: npm run chaos -- [--minutes N] [--seed N] [--cluster embedded|kafka|both]
       npm run chaos -- copy [--records N] [--seed N] [--cluster embedded|kafka|both]

Three instances of an application (repartitions, counts, windowed counts, joins) run under steady load while they and
the log are killed, stopped, continued, closed and started again. Then everything is read from the start: every input
must count exactly once, outputs must equal those of a single instance to which nothing happened, and every task must
have one owner. Ends with one line of figures for each cluster; status 1 when anything differs.

With "copy", after Kafka's own copy test: 1,000,000 records are copied in transactions by processes that are killed,
stopped, replaced and refused; each must be there exactly once, in order, and nothing that was aborted.

  --minutes N   how long load and faults go on; default 2
  --records N   how many are copied; default 1000000
  --seed N      decides the faults and the load; default: another one each time, and printed
  --cluster C   embedded: the log of this project; kafka: Apache Kafka (needs Java); both (default)
  --rate N      records per second; default 500
  --every N     seconds between two faults, on average; default 3, of copies 2
  --faults LIST kinds of faults, with commas; default ${faultKinds.join(',')};
                of copies ${copyFaults.join(',')}
  --keep        keeps the directory with the log, state and notes of all processes; so does a difference`

const { values: options, positionals } = parseOptions()
if (options.help) exitWith(HELP, 0)
const seed = options.seed === undefined ? Date.now() % 2 ** 31 : numberOf('seed', options.seed)
const minutes = numberOf('minutes', options.minutes)
const rate = numberOf('rate', options.rate)
const [mode = 'application'] = positionals
if (positionals.length > 1 || (mode !== 'application' && mode !== 'copy')) {
  exitWith(`There is only "copy"; got ${positionals.join(' ')}.\n\n${HELP}`, 2)
}
const faultEveryMs = numberOf('every', options.every ?? (mode === 'copy' ? '2' : '3')) * 1000
const records = numberOf('records', options.records)
const known: readonly FaultKind[] = mode === 'copy' ? copyFaults : faultKinds
const kinds = options.faults?.split(',').map(kind => {
  if (known.includes(kind as FaultKind)) return kind as FaultKind
  return exitWith(`--faults knows ${known.join(', ')}; not ${kind}.`, 2)
})
const clusters = clustersOf(options.cluster)

const interrupted = new AbortController()
// npm may pass on the signal that the terminal sent already: the second changes nothing.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (!interrupted.signal.aborted) console.error('\nInterrupted: everything is ended.')
    interrupted.abort()
  })
}

for (const cluster of clusters) {
  const directory = mkdtempSync(join(tmpdir(), `evert-chaos-${cluster}-`))
  console.log(`seed ${seed}, ${cluster}`)
  let result: ChaosResult
  try {
    const shared = {
      cluster,
      seed,
      faultEveryMs,
      ...(kinds !== undefined && { kinds }),
      directory,
      say: (line: string) => console.log(`  ${line}`),
      progress: (line: string) => {
        if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`)
      },
      signal: interrupted.signal,
    }
    result =
      mode === 'copy'
        ? await runCopy({ ...shared, records })
        : await runChaos({ ...shared, rate, durationMs: minutes * 60_000 })
  } catch (error) {
    console.error(`Its notes are in ${directory}.`)
    if (interrupted.signal.aborted) exitWith('', 130)
    throw error
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  const { figures, differences } = result
  for (const line of differences.slice(0, 50)) console.log(`DIFFERENT ${line}`)
  if (differences.length > 0) process.exitCode = 1
  if (differences.length > 0 || options.keep) console.log(`Its notes are in ${directory}.`)
  else rmSync(directory, { recursive: true, force: true })
  console.log(
    Object.entries(figures)
      .map(([name, figure]) => `${name}=${figure}`)
      .join(' '),
  )
}

function parseOptions() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        minutes: { type: 'string', default: '2' },
        seed: { type: 'string' },
        cluster: { type: 'string', default: 'both' },
        rate: { type: 'string', default: '500' },
        every: { type: 'string' },
        records: { type: 'string', default: '1000000' },
        faults: { type: 'string' },
        keep: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    return exitWith(`${(error as Error).message}\n\n${HELP}`, 2)
  }
}

function clustersOf(name: string): ClusterKind[] {
  if (name === 'both') return ['embedded', 'kafka']
  if (name === 'embedded' || name === 'kafka') return [name]
  return exitWith(`--cluster is embedded, kafka or both; not ${name}.`, 2)
}

function numberOf(name: string, text: string): number {
  const value = Number(text)
  return value > 0 ? value : exitWith(`--${name} needs a number above 0; got ${text}.`, 2)
}

function exitWith(text: string, status: number): never {
  if (text !== '') (status === 0 ? console.log : console.error)(text)
  process.exit(status)
}
