/**
 * Runs conformance vectors (FORMAT.md) and ends with `N passed, N failed`.
 *
 *   npm run conformance
 *   npm run conformance -- DIR
 */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readVectors } from './read-vectors.ts'
import { runVector } from './run-vector.ts'
import { UnknownOperator, type Vector } from './vector.ts'

const HELP = `Usage: npm run conformance -- [DIR]

Runs every vector of DIR/*.jsonl (or DIR/vectors/*.jsonl): builds its topology, sends its records one at a time and
compares what comes out, and the stores at the end, with what Kafka Streams 4.3.1 did.
Reports each failing vector with the first step that differs, and each vector whose operators are unknown as skipped.
Without DIR it runs the project's own vectors. Ends with status 1 if a vector failed or none was run.`

main(process.argv.slice(2))

function main(args: readonly string[]): void {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(HELP)
    return
  }
  const [folder = import.meta.dirname, ...rest] = args
  if (rest.length > 0 || folder.startsWith('-'))
    return usageError(`Unexpected argument: ${rest[0] ?? folder}.`)
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return usageError(`${folder} is not a folder.`)
  const vectors = join(folder, 'vectors')
  runAll(existsSync(vectors) ? vectors : folder)
}

function runAll(folder: string): void {
  const totals = { passed: 0, failed: 0, skipped: 0 }
  const kinds = new Map<string, { passed: number; failed: number; skipped: number }>()
  for (const vector of readVectors(folder)) {
    const outcome = outcomeOf(vector)
    totals[outcome]++
    const kind = vector.name.split('/')[0] as string
    const counts = kinds.get(kind) ?? { passed: 0, failed: 0, skipped: 0 }
    counts[outcome]++
    kinds.set(kind, counts)
  }
  for (const [kind, { passed, failed, skipped }] of kinds) {
    console.log(`${kind.padEnd(32)} ${passed} passed, ${failed} failed, ${skipped} skipped`)
  }
  console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
  if (totals.failed > 0 || totals.passed === 0) process.exitCode = 1
}

function outcomeOf(vector: Vector): 'passed' | 'failed' | 'skipped' {
  try {
    const difference = runVector(vector)
    if (difference === undefined) return 'passed'
    console.log(`FAILED ${vector.name}: ${difference}`)
    return 'failed'
  } catch (error) {
    if (error instanceof UnknownOperator) {
      console.log(`SKIPPED ${vector.name}: unknown ${error.message}`)
      return 'skipped'
    }
    console.log(`FAILED ${vector.name}: ${error instanceof Error ? error.stack : String(error)}`)
    return 'failed'
  }
}

function usageError(message: string): void {
  console.error(`${message}\n\n${HELP}`)
  process.exitCode = 1
}
