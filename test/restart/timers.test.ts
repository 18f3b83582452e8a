import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import type { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { keyedTimers } from '../../src/streams/dsl/timers.ts'
import { LmdbEngine } from '../../src/streams/state/lmdb.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { type Input, Life, subTopologyOf } from './task-life.ts'

/** `in 7`: a timer 7 ms after the record. `stop`: none any longer. A timer sets another one, once. */
function timeouts(builder: StreamsBuilder): void {
  const timers = keyedTimers('timeouts', { key: string, payload: string })
  builder
    .stream(topic('in', { key: string, value: string }))
    .process({
      stores: { timers },
      create: ({ stores: { timers }, forward }) => {
        timers.onTimer((key, atMs, payload) => {
          forward(key, `${payload} at ${atMs}`)
          if (!payload.startsWith('again')) timers.set(key, atMs + 4, `again ${payload}`)
        })
        return (value, key, { timestamp }) => {
          const [, ms] = value.split(' ')
          if (ms === undefined) timers.delete(key)
          else timers.set(key, timestamp + Number(ms), value)
        }
      },
    })
    .to(topic('out', { key: string, value: string }))
}

const INPUTS: readonly Input[] = [
  ['a', 'in 7', 1],
  ['b', 'in 3', 2],
  ['c', 'in 3', 4],
  ['b', 'in 9', 4],
  ['d', 'in 0', 8],
  ['c', 'stop', 9],
  ['a', 'in 30', 20],
  ['e', 'in 1', 3],
  ['b', 'stop', 21],
  ['c', 'in 5', 22],
  ['d', 'in 2', 100],
]

/** Commits after every second record; before record `crashAt` what was not committed is lost. */
async function run(life: Life, crashAt: number, restart: (life: Life) => Promise<void>) {
  let committed = 0
  for (let offset = 0; offset < INPUTS.length; offset++) {
    if (offset === crashAt) {
      await restart(life)
      for (let again = committed; again < offset; again++) life.process(again, INPUTS[again] as Input)
    }
    life.process(offset, INPUTS[offset] as Input)
    if (offset % 2 === 0) continue
    life.commit()
    committed = offset + 1
  }
  life.commit()
  const result = { outputs: life.committed, rows: life.rows() }
  await life.close()
  return result
}

const subTopology = subTopologyOf(timeouts)

test('timers are called once, in order of time and key, before the first record beyond them', async () => {
  const { outputs, rows } = await run(new Life(subTopology, new MemoryEngine()), -1, async () => {})
  assert.deepEqual(outputs, [
    'c=in 3 at 7@7 []',
    'a=in 7 at 8@8 []',
    'd=in 0 at 8@8 []',
    'a=again in 7 at 12@12 []',
    'd=again in 0 at 12@12 []',
    'b=in 9 at 13@13 []',
    'b=again in 9 at 17@17 []',
    'e=in 1 at 4@4 []',
    'e=again in 1 at 8@8 []',
    'c=in 5 at 27@27 []',
    'c=again in 5 at 31@31 []',
    'a=in 30 at 50@50 []',
    'a=again in 30 at 54@54 []',
  ])
  assert.equal(rows.length, 2, 'the timer of d and its place in the index')
})

test('a crash before any record changes neither what timers send nor their stores', async t => {
  const expected = await run(new Life(subTopology, new MemoryEngine()), -1, async () => {})
  for (let crashAt = 0; crashAt < INPUTS.length; crashAt++) {
    const crashed = await run(new Life(subTopology, new MemoryEngine()), crashAt, life => life.crash())
    assert.deepEqual(crashed, expected, `crash before record ${crashAt}`)
    const moved = await run(new Life(subTopology, new MemoryEngine()), crashAt, life =>
      life.restoreOnNewDisk(),
    )
    assert.deepEqual(moved, expected, `disk lost before record ${crashAt}`)
  }
  const directory = mkdtempSync(join(tmpdir(), 'evert-timers-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const engine = new LmdbEngine(directory)
  assert.deepEqual(await run(new Life(subTopology, engine), 6, life => life.crash()), expected, 'on disk')
  await engine.close()
})
