/** `npm run bench:types`: how long the type checker takes for 2,000 chained operators. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { median, table } from '../harness/statistics.ts'
import { chainedProgram } from './program.ts'

const operators = 2000
/** Of checking the operators, without what `import 'evert'` costs a program that uses none. */
const budgetSeconds = 2

const HELP = `Usage: npm run bench:types -- [--runs N]

Type-checks programs of ${operators} operators in chains of 50, 200 and 2,000 (one expression), and one without any.
Status 1 if any takes more than ${budgetSeconds} s longer than the one without.

  --runs N   checks of each program, 5 by default`

const { runs, help } = parseOptions()
if (help) {
  console.log(HELP)
  process.exit(0)
}

const programs = [
  { name: 'no operator', perChain: 0 },
  ...[50, 200, 2000].map(perChain => ({ name: `chains of ${perChain}`, perChain })),
]
const root = join(import.meta.dirname, '../..')
// Below the project, so that its own packages are found from there.
const directory = mkdtempSync(join(import.meta.dirname, 'program-'))
try {
  const times = new Map<string, number[]>(programs.map(program => [program.name, []]))
  for (let run = 0; run < runs; run++) {
    for (const { name, perChain } of programs) times.get(name)?.push(await checkSeconds(perChain))
  }
  report(times)
} finally {
  rmSync(directory, { recursive: true, force: true })
}

async function checkSeconds(perChain: number): Promise<number> {
  const program = chainedProgram(perChain === 0 ? 0 : operators, perChain)
  writeFileSync(join(directory, 'program.ts'), program)
  const config = { extends: '../../../tsconfig.json', include: ['program.ts'] }
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(root, 'node_modules/.bin/tsc')
  const { stdout } = await promisify(execFile)(tsc, ['-p', directory, '--extendedDiagnostics'])
  const time = /Check time:\s+([\d.]+)s/.exec(stdout)?.[1]
  if (time === undefined) throw new Error(`The type checker printed no check time:\n${stdout}`)
  return Number(time)
}

function report(times: ReadonlyMap<string, readonly number[]>): void {
  const baseline = median(times.get('no operator') as number[])
  const rows = [...times].map(([name, raw]) => [
    name,
    `${median(raw).toFixed(2)} s`,
    `${(median(raw) - baseline).toFixed(2)} s`,
    raw.map(seconds => seconds.toFixed(2)).join('  '),
  ])
  console.log(table([`${operators} operators`, 'check time', 'over none', 'each check'], rows))
  const over = [...times].filter(([, raw]) => median(raw) - baseline > budgetSeconds).map(([name]) => name)
  if (over.length === 0) {
    console.log(`\nAll within the budget of ${budgetSeconds} s.`)
  } else {
    console.log(`\nOver the budget of ${budgetSeconds} s: ${over.join(', ')}.`)
    process.exitCode = 1
  }
}

function parseOptions(): { runs: number; help: boolean } {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '5' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const runs = Number(values.runs)
  if (!Number.isInteger(runs) || runs < 1) {
    console.error(`--runs needs a whole number, 1 or more; got ${values.runs}.`)
    process.exit(2)
  }
  return { runs, help: values.help }
}
