import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { seededRandom } from '../../src/internal/random.ts'
import type { SubTopology } from '../../src/streams/graph/topology.ts'
import { hopping, type TimeWindows } from '../../src/streams/processors/windows.ts'
import type { StateEngine } from '../../src/streams/state/byte-store.ts'
import { LmdbEngine } from '../../src/streams/state/lmdb.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { type Input, Life, subTopologyOf } from './task-life.ts'

const input = topic('in', { key: string, value: string })
const output = topic('out', { key: string, value: string })

const SEEDS =
  process.env.EVERT_SEED === undefined
    ? Array.from({ length: 40 }, () => Math.floor(Math.random() * 2 ** 31))
    : [Number(process.env.EVERT_SEED)]

/** Neither associative nor commutative; forgets a window at "x", and fails at "!" where it has something to lose. */
function fold(aggregate: string, value: string): string | null {
  if (value === '!' && aggregate !== '') throw new Error('a value that this window does not take')
  return value === 'x' ? null : `(${aggregate}${value})`
}

interface Run {
  readonly windows: TimeWindows
  readonly onClose: boolean
  readonly inputs: readonly Input[]
}

interface Result {
  readonly outputs: readonly string[]
  readonly rows: readonly string[]
}

/** Windows as their definition says: one by one, each by itself, none ever forgotten. */
function oneByOne({ windows, onClose, inputs }: Run): Result {
  const { sizeMs, advanceMs, graceMs } = windows
  const rows = new Map<string, { key: string; start: number; value: string; timestamp: number }>()
  const outputs: string[] = []
  let streamTime = -1
  let emittedBefore = -Infinity
  for (const [offset, [key, value, timestamp]] of inputs.entries()) {
    if (value === null) continue
    const open: number[] = []
    const time = Math.max(streamTime, timestamp)
    for (let start = 0; start <= timestamp; start += advanceMs) {
      if (start + sizeMs > timestamp && start + sizeMs > time - graceMs) open.push(start)
    }
    if (value === '!' && open.some(start => rows.has(`${start}/${key}`))) continue
    streamTime = time
    for (const start of open) {
      const row = rows.get(`${start}/${key}`)
      const folded = fold(row?.value ?? '', value)
      const at = folded === null ? timestamp : Math.max(timestamp, row?.timestamp ?? 0)
      if (folded === null) rows.delete(`${start}/${key}`)
      else rows.set(`${start}/${key}`, { key, start, value: folded, timestamp: at })
      if (onClose || (folded === null && row === undefined)) continue
      outputs.push(`${key}@${start}/${start + sizeMs}=${folded}@${at} [${offset}]`)
    }
    const closedBefore = streamTime - graceMs - sizeMs + 1
    const closed = [...rows.values()].filter(row => row.start >= emittedBefore && row.start < closedBefore)
    closed.sort((a, b) => a.start - b.start || (a.key < b.key ? -1 : 1))
    for (const row of onClose ? closed : []) {
      outputs.push(`${row.key}@${row.start}/${row.start + sizeMs}=${row.value}@${row.timestamp} [${offset}]`)
    }
    emittedBefore = Math.max(emittedBefore, closedBefore)
  }
  const kept = [...rows.values()].filter(row => row.start > streamTime - sizeMs - graceMs)
  return {
    outputs,
    rows: kept.map(row => `${row.start}/${row.key} ${row.value} ${row.timestamp}`).toSorted(),
  }
}

function aggregating({ windows, onClose }: Run): SubTopology {
  return subTopologyOf(builder =>
    builder
      .stream(input)
      .groupByKey()
      .windowedBy(windows, { emit: onClose ? 'onWindowClose' : 'onUpdate' })
      .aggregate(() => '', fold, { store: 'w', value: string })
      .toStream()
      .selectKey((_value, { key, start, end }) => `${key}@${start}/${end}`)
      .to(output),
  )
}

/** The task, with commits, crashes and lost disks wherever the random numbers put them. */
async function inTask(run: Run, engine: StateEngine, random: () => number): Promise<Result> {
  const life = new Life(aggregating(run), engine, 'skip')
  let committed = 0
  for (let offset = 0; offset < run.inputs.length; offset++) {
    life.process(offset, run.inputs[offset] as Input)
    const chance = random()
    if (chance < 0.3) {
      life.commit()
      committed = offset + 1
    } else if (chance < 0.36) {
      await (chance < 0.33 ? life.crash() : life.restoreOnNewDisk())
      offset = committed - 1
    }
  }
  life.commit()
  const { sizeMs, graceMs } = run.windows
  const streamTime = Math.max(...run.inputs.map(([, , timestamp]) => timestamp))
  const rows = life
    .windows('w')
    .filter(({ start }) => start > streamTime - sizeMs - graceMs)
    .map(({ key, start, value, timestamp }) => `${start}/${key} ${String(value)} ${timestamp}`)
  await life.close()
  return { outputs: life.committed, rows: rows.toSorted() }
}

function randomRun(random: () => number): Run {
  const upTo = (most: number) => Math.floor(random() * (most + 1))
  const advanceMs = 1 + upTo(5)
  const sizeMs = advanceMs + 1 + upTo(advanceMs * 40)
  const windows = hopping({ sizeMs, advanceMs, graceMs: upTo(20) })
  let time = upTo(1_000)
  const inputs: Input[] = []
  for (let i = 0; i < 60; i++) {
    time += random() < 0.05 ? upTo(sizeMs * 5) : upTo(4)
    const letter = 'abcdefgh!x'[upTo(9)] as string
    const key = 'klm'[upTo(2)] as string
    const late = random() < 0.3 ? upTo(sizeMs + 25) : 0
    inputs.push([key, random() < 0.03 ? null : letter, Math.max(0, time - late)])
  }
  // The last one fails nowhere: rows are compared at its stream time.
  inputs.push(['last', 'a', time])
  return { windows, onClose: random() < 0.5, inputs }
}

for (const [index, seed] of SEEDS.entries()) {
  const engineName = index % 4 === 0 ? 'LMDB' : 'memory'
  test(`windows in blocks are what windows one by one are, in ${engineName} (EVERT_SEED=${seed})`, async t => {
    const random = seededRandom(seed)
    const run = randomRun(random)
    const expected = oneByOne(run)
    const directory = mkdtempSync(join(tmpdir(), 'evert-hopping-'))
    t.after(() => rmSync(directory, { recursive: true, force: true }))
    const engine = engineName === 'LMDB' ? new LmdbEngine(directory) : new MemoryEngine()
    const result = await inTask(run, engine, random)
    await engine.close()
    assert.ok(expected.rows.length > 0)
    assert.deepEqual(result.outputs, expected.outputs)
    assert.deepEqual(result.rows, expected.rows)
  })
}

test('a record in sixty windows writes two rows, and those of neighbouring records are the same ones', async () => {
  const windows = hopping({ sizeMs: 60_000, advanceMs: 1_000, graceMs: 0 })
  const counting = subTopologyOf(builder =>
    builder.stream(input).groupByKey().windowedBy(windows).count({ store: 'w' }),
  )
  const life = new Life(counting, new MemoryEngine())
  life.process(0, ['k', 'v', 90_500])
  life.process(1, ['k', 'v', 91_500])
  life.commit()
  const written = [...life.changelog.values()].filter(({ store }) => store === 'w')
  assert.equal(written.length, 2)
  const rows = life.windows('w')
  assert.equal(rows.length, 61)
  assert.deepEqual(rows[0], { key: 'k', start: 31_000, end: 91_000, value: 1, timestamp: 90_500 })
  assert.deepEqual(rows[1], { key: 'k', start: 32_000, end: 92_000, value: 2, timestamp: 91_500 })
  await life.close()
})
