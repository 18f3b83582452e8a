import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { type Breaker, broken } from './broken-engines.ts'
import { type Case, differenceOf, drawCase, printCase, shrunk } from './random-case.ts'

/*
 * Random topologies over random inputs leave the same rows in every store and the same records in every topic,
 * whatever the sizes of batches, the points of commit, the bounds of the cache, the state engine, and wherever the
 * process dies, commits are aborted or disks are lost.
 *
 *   node tools/run-tests.ts properties/random-topologies
 *   EVERT_SEED=7 …                    that case alone, the one of seed 7
 *   EVERT_PROPERTY_SECONDS=600 …      longer; default 20
 *
 * A case that differs is cut down and printed with its seed.
 */

const seconds = Number(process.env['EVERT_PROPERTY_SECONDS'] ?? 20)
const only = process.env['EVERT_SEED']
const SHRINK_MS = 15_000

test('batches, commits, cache, engine and faults do not change what random topologies compute', async t => {
  const first = only === undefined ? randomInt(2 ** 31) : Number(only)
  const endMs = only === undefined ? performance.now() + seconds * 1_000 : 0
  let cases = 0
  let seed = first
  do {
    const drawn = drawCase(seed)
    if (drawn !== undefined) {
      await assertNoDifference(drawn, seed)
      cases++
    }
    seed++
  } while (performance.now() < endMs)
  t.diagnostic(`${cases} cases, seeds ${first} to ${seed - 1}`)
  assert.ok(cases > (seed - first) / 2, 'most of what is drawn is refused')
})

test('a state engine that is broken is found', async () => {
  for (const [name, breaker] of Object.entries(broken)) {
    assert.ok(await isFound(breaker), `${name} is not found`)
  }
})

test('a case that differs is cut down to a part of it that still does', async () => {
  const breaker = broken['the last write of a commit is lost'] as Breaker
  let failing: Case | undefined
  for (let seed = 1; failing === undefined; seed++) {
    const drawn = drawCase(seed)
    if (drawn !== undefined && (await differenceOf(drawn, breaker)) !== undefined) failing = drawn
  }
  const cut = await shrunk(failing, SHRINK_MS, breaker)
  assert.ok(cut.program.steps.length <= Math.min(3, failing.program.steps.length))
  assert.ok(cut.inputs.flat().length <= 10)
  assert.match((await differenceOf(cut, breaker)) as string, /expected|failed/)
  assert.match(printCase(cut), /program:[^]*inputs:[^]*conduct seed/)
})

async function assertNoDifference(drawn: Case, seed: number): Promise<void> {
  const difference = await differenceOf(drawn)
  if (difference === undefined) return
  const smallest = await shrunk(drawn, SHRINK_MS)
  assert.fail(
    `EVERT_SEED=${seed}: ${difference}\n\nCut down:\n${printCase(smallest)}\n${await differenceOf(smallest)}`,
  )
}

async function isFound(breaker: Breaker): Promise<boolean> {
  for (let seed = 1; seed <= 60; seed++) {
    const drawn = drawCase(seed)
    if (drawn !== undefined && (await differenceOf(drawn, breaker)) !== undefined) return true
  }
  return false
}
