/**
 * Runs every test (or those whose path contains one of the arguments) and ends with `N passed, N failed`.
 *
 *   npm test
 *   node tools/run-tests.ts records broker/storage
 */
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'

const wanted = process.argv.slice(2)
const files = globSync(
  ['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/*/**/*.test.ts', 'bench/**/*.test.ts'],
  {
    exclude: path => path.includes('node_modules'),
  },
)
  .filter(file => wanted.length === 0 || wanted.some(part => file.includes(part)))
  .toSorted()

if (files.length === 0) {
  console.error(`No test file matches ${wanted.join(', ')}.`)
  process.exit(1)
}

/** A file that takes longer hangs: it is ended and counts as failed. The slowest takes about a minute. */
const FILE_TIMEOUT_MS = 300_000

const totals = { passed: 0, failed: 0, skipped: 0 }
const stream = run({
  files,
  concurrency: availableParallelism(),
  timeout: FILE_TIMEOUT_MS,
  execArgv: ['--conditions=evert-source', '--expose-gc'],
})
stream.on('test:pass', event => {
  if (event.details.type === 'suite') return
  if (event.skip !== undefined || event.todo !== undefined) totals.skipped++
  else totals.passed++
})
stream.on('test:fail', event => {
  if (event.details.type === 'suite') return
  totals.failed++
  process.exitCode = 1
})
stream.compose(new spec()).pipe(process.stdout)
stream.on('end', () => {
  process.on('exit', () => {
    const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''
    console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`)
    if (totals.passed === 0) process.exitCode = 1
  })
})
