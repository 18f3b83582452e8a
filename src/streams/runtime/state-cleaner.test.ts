import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '../../internal/clock.ts'
import type { StateEngine } from '../state/byte-store.ts'
import { LmdbEngine } from '../state/lmdb.ts'
import { MemoryEngine } from '../state/memory.ts'
import { StateCleaner } from './state-cleaner.ts'

const MINUTE = 60_000

async function withState(engine: StateEngine, ...taskIds: string[]): Promise<void> {
  for (const taskId of taskIds) {
    const task = engine.openTask(taskId)
    task.commit([{ store: 's', entries: [['k', Buffer.from('v')]] }], {})
    await task.close()
  }
}

function cleanerOf(engine: StateEngine, isSettled: () => boolean = () => true) {
  const clock = new ManualClock()
  const infos: string[] = []
  const logger = { info: (message: string) => infos.push(message), warn: assert.fail }
  const cleaner = new StateCleaner({ engine, clock, logger, delayMs: 10 * MINUTE, isSettled })
  cleaner.start()
  return { cleaner, clock, infos }
}

for (const name of ['memory', 'lmdb'] as const) {
  test(`${name}: state of a task that is away for the delay is dropped, that of one that comes back is not`, async t => {
    const directory = mkdtempSync(join(tmpdir(), 'evert-cleaner-'))
    t.after(() => rmSync(directory, { recursive: true, force: true }))
    const engine = name === 'memory' ? new MemoryEngine() : new LmdbEngine(directory)
    await withState(engine, 'global', '0_0', '0_1', '1_0')
    const open = engine.openTask('0_0')
    const { cleaner, clock, infos } = cleanerOf(engine)
    clock.advance(9 * MINUTE)
    assert.deepEqual(engine.tasks().toSorted(), ['0_0', '0_1', '1_0', 'global'])
    const back = engine.openTask('1_0')
    clock.advance(MINUTE)
    assert.deepEqual(engine.tasks().toSorted(), ['0_0', '1_0', 'global'])
    await Promise.resolve()
    assert.deepEqual(infos, ['The state of task 0_1 is removed: the task has not been here for 600 s.'])
    assert.equal(back.store('s').size, 1)
    // Away again: the delay begins anew.
    await back.close()
    clock.advance(9 * MINUTE)
    assert.ok(engine.tasks().includes('1_0'))
    clock.advance(2 * MINUTE)
    assert.deepEqual(engine.tasks().toSorted(), ['0_0', 'global'])
    assert.equal(open.store('s').size, 1)
    cleaner.stop()
    await open.close()
    clock.advance(60 * MINUTE)
    assert.deepEqual(engine.tasks().toSorted(), ['0_0', 'global'])
    await engine.close()
  })
}

test('nothing is away while the instance does not have what it is assigned', async () => {
  const engine = new MemoryEngine()
  await withState(engine, '0_0')
  let isSettled = false
  const { cleaner, clock } = cleanerOf(engine, () => isSettled)
  clock.advance(30 * MINUTE)
  assert.deepEqual(engine.tasks(), ['0_0'])
  isSettled = true
  clock.advance(9 * MINUTE)
  isSettled = false
  clock.advance(MINUTE)
  isSettled = true
  clock.advance(9 * MINUTE)
  assert.deepEqual(engine.tasks(), ['0_0'])
  clock.advance(2 * MINUTE)
  assert.deepEqual(engine.tasks(), [])
  cleaner.stop()
})
