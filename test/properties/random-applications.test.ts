import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { type Breaker, broken } from './broken-engines.ts'
import { type ApplicationCase, drawApplicationCase, runDisturbed, totals } from './disturbed-application.ts'
import { expectedOf } from './expected-of-application.ts'
import { differenceBetween } from './outcome.ts'
import { printProgram } from './program.ts'

/*
 * Whole applications over the embedded log, with several partitions, whose instances die, whose requests are lost and
 * whose disks refuse, leave in every store and every topic what single tasks leave that nothing ever disturbs and that
 * take one record at a time.
 *
 *   node tools/run-tests.ts properties/random-applications
 *   EVERT_SEED=7 …                    that case alone, the one of seed 7
 *   EVERT_PROPERTY_SECONDS=600 …      longer; default 12
 */

const seconds = Number(process.env['EVERT_PROPERTY_SECONDS'] ?? 12)
const only = process.env['EVERT_SEED']

test('crashes, lost requests and refusing disks do not change what random applications compute', async t => {
  const first = only === undefined ? randomInt(2 ** 31) : Number(only)
  const endMs = only === undefined ? performance.now() + seconds * 1_000 : 0
  let cases = 0
  let seed = first
  do {
    const drawn = drawApplicationCase(seed)
    const expected = drawn === undefined ? undefined : await expectedOf(drawn)
    if (drawn !== undefined && expected !== undefined) {
      const difference = differenceBetween(expected, await disturbed(drawn, seed))
      if (difference !== undefined) assert.fail(`${told(drawn, seed)}\n${difference}`)
      cases++
    }
    seed++
  } while (performance.now() < endMs)
  t.diagnostic(`${cases} applications, seeds ${first} to ${seed - 1}: ${JSON.stringify(totals)}`)
  assert.ok(only !== undefined || cases > 0)
})

test('a state engine that loses rows is found', async () => {
  const breaker = broken['the last write of a commit is lost'] as Breaker
  for (let seed = 1; ; seed++) {
    assert.ok(seed < 20, 'it is not found')
    const drawn = drawApplicationCase(seed)
    const expected = drawn === undefined ? undefined : await expectedOf(drawn)
    if (drawn === undefined || expected === undefined) continue
    if (differenceBetween(expected, await runDisturbed(drawn, seed, breaker)) !== undefined) return
  }
})

async function disturbed(drawn: ApplicationCase, seed: number) {
  try {
    return await runDisturbed(drawn, seed)
  } catch (error) {
    throw new Error(told(drawn, seed), { cause: error })
  }
}

function told({ program, flavour }: ApplicationCase, seed: number): string {
  return `EVERT_SEED=${seed} (${flavour}):\n${printProgram(program)}`
}
