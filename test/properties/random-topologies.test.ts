import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import type { StateEngine, TaskState } from '../../src/streams/state/byte-store.ts'
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

type Breaker = (engine: StateEngine) => StateEngine

/** Faults that a state engine, or a runtime that uses it wrongly, could have. */
const broken: Readonly<Record<string, Breaker>> = {
  'the last write of a commit is lost': breaking(task => ({
    commit: (writes, metadata) =>
      task.commit(
        writes.map(each => ({ ...each, entries: [...copied(each)].slice(0, -1) })),
        metadata,
      ),
  })),
  'deletions are kept': breaking(task => ({
    commit: (writes, metadata) =>
      task.commit(
        writes.map(each => ({ ...each, entries: copied(each).filter(([, value]) => value !== undefined) })),
        metadata,
      ),
  })),
  'positions are kept and rows are not, now and then': breaking(task => {
    let commits = 0
    return { commit: (writes, metadata) => task.commit(++commits % 7 === 0 ? [] : writes, metadata) }
  }),
  'ranges begin behind their first row': breaking(task => ({
    store: name => {
      const store = task.store(name)
      return {
        name,
        get: key => store.get(key),
        *range(from, to, options) {
          let isFirst = true
          for (const entry of store.range(from, to, options)) {
            if (!isFirst) yield entry
            isFirst = false
          }
        },
        get size() {
          return store.size
        },
      }
    },
  })),
}

/** An entry and its buffer live until the next one is asked for. */
function copied({
  entries,
}: Parameters<TaskState['commit']>[0][number]): (readonly [string, Buffer | undefined])[] {
  return Array.from(
    entries,
    ([key, value]) => [key, value === undefined ? undefined : Buffer.from(value)] as const,
  )
}

function breaking(change: (task: TaskState) => Partial<TaskState>): Breaker {
  return engine => ({
    name: engine.name,
    instanceId: engine.instanceId,
    openTask: id => {
      const task = engine.openTask(id)
      return {
        maxKeyBytes: task.maxKeyBytes,
        prefersSortedWrites: task.prefersSortedWrites,
        store: name => task.store(name),
        metadata: name => task.metadata(name),
        commit: (writes, metadata) => task.commit(writes, metadata),
        close: () => task.close(),
        ...change(task),
      }
    },
    dropTask: id => engine.dropTask(id),
    tasks: () => engine.tasks(),
    close: () => engine.close(),
  })
}
