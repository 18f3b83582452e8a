import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import type { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { KTable } from '../../src/streams/dsl/ktable.ts'
import type { Windowed } from '../../src/streams/processors/windowed-key.ts'
import { hopping, sessions, sliding, tumbling, unlimited } from '../../src/streams/processors/windows.ts'
import { LmdbEngine } from '../../src/streams/state/lmdb.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { type Input, Life, subTopologyOf } from './task-life.ts'

const input = topic('in', { key: string, value: string })
const output = topic('out', { key: string, value: string })

const text = { value: string }
const log = (aggregate: string, value: string) => `${aggregate}+${value}`

function outOfWindows(table: KTable<Windowed<string>, string>): void {
  table
    .toStream()
    .selectKey((_value, { key, start, end }) => `${key}@${start}/${end}`)
    .to(output)
}

function grouped(builder: StreamsBuilder) {
  return builder.stream(input).groupByKey()
}

const onClose = { emit: 'onWindowClose' } as const
const start = () => ''
const merger = (a: string, b: string) => `[${a}|${b}]`

const TOPOLOGIES: Readonly<Record<string, (builder: StreamsBuilder) => void>> = {
  'tumbling windows': builder =>
    outOfWindows(
      grouped(builder)
        .windowedBy(tumbling({ sizeMs: 10, graceMs: 5 }))
        .aggregate(start, log, text),
    ),
  'hopping windows': builder =>
    outOfWindows(
      grouped(builder)
        .windowedBy(hopping({ sizeMs: 30, advanceMs: 3, graceMs: 5 }))
        .aggregate(start, log, text),
    ),
  'hopping windows on close': builder =>
    outOfWindows(
      grouped(builder)
        .windowedBy(hopping({ sizeMs: 10, advanceMs: 4, graceMs: 5 }), onClose)
        .aggregate(start, log, text),
    ),
  'sliding windows': builder =>
    outOfWindows(
      grouped(builder)
        .windowedBy(sliding({ timeDifferenceMs: 10, graceMs: 5 }))
        .aggregate(start, log, text),
    ),
  'sliding windows on close': builder =>
    outOfWindows(
      grouped(builder)
        .windowedBy(sliding({ timeDifferenceMs: 10, graceMs: 5 }), onClose)
        .aggregate(start, log, text),
    ),
  'sessions on close': builder =>
    outOfWindows(
      grouped(builder)
        .sessions(sessions({ gapMs: 8, graceMs: 5 }), onClose)
        .aggregate(start, log, { ...text, merger }),
    ),
  'unlimited windows': builder =>
    outOfWindows(
      grouped(builder)
        .windowedBy(unlimited({ startMs: 20 }))
        .aggregate(start, log, text),
    ),
  'suppress until windows close': builder =>
    outOfWindows(
      grouped(builder)
        .windowedBy(tumbling({ sizeMs: 10, graceMs: 5 }))
        .aggregate(start, log, text)
        .suppressUntilWindowCloses(),
    ),
  'suppress until sessions close': builder =>
    outOfWindows(
      grouped(builder)
        .sessions(sessions({ gapMs: 8, graceMs: 5 }))
        .aggregate(start, log, { ...text, merger })
        .suppressUntilWindowCloses(),
    ),
  'suppress until a time limit': builder =>
    builder.table(input).suppressUntilTimeLimit(10).toStream().to(output),
  'suppress with a limit of records': builder =>
    builder.table(input).suppressUntilTimeLimit(30, { maxRecords: 2 }).toStream().to(output),
  'suppress with a limit of bytes': builder =>
    builder.table(input).suppressUntilTimeLimit(30, { maxBytes: 80 }).toStream().to(output),
}

/** Late records, jumps far beyond every retention, tombstones. */
const INPUTS: readonly Input[] = [
  ['a', 'v0', 3],
  ['b', 'v1', 9],
  ['a', 'v2', 14],
  ['c', 'v3', 12],
  ['a', 'v4', 11],
  ['b', 'v5', 27],
  ['b', 'v6', 8],
  ['b', 'v6 again', 7],
  ['a', 'v7', 24],
  ['c', 'v8', 31],
  ['a', null, 33],
  ['b', 'v10', 33],
  ['c', 'v11', 140],
  ['a', 'v12', 139],
  ['b', 'v13', 30],
  ['a', 'v14', 152],
  ['c', 'v15', 149],
  ['b', null, 160],
  ['a', 'v17', 171],
  ['b', 'v18', 900],
  ['b', 'v19', 890],
  ['c', 'v20', 905],
]

/** Commits after every record; before record `crashAt` it loses what it did for that one and the next. */
async function runWithCrash(life: Life, crashAt: number, restart: (life: Life) => Promise<void>) {
  for (const [offset, record] of INPUTS.entries()) {
    if (offset === crashAt) {
      life.process(offset, record)
      const next = INPUTS[offset + 1]
      if (next !== undefined) life.process(offset + 1, next)
      await restart(life)
    }
    life.process(offset, record)
    life.commit()
  }
  const result = { outputs: life.committed, rows: life.rows() }
  await life.close()
  return result
}

const never = INPUTS.length

for (const [name, define] of Object.entries(TOPOLOGIES)) {
  test(`${name}: a crash before any record changes neither outputs nor stores`, async t => {
    const subTopology = subTopologyOf(define)
    const expected = await runWithCrash(new Life(subTopology, new MemoryEngine()), never, async () => {})
    assert.ok(expected.outputs.length > 0)
    const directory = mkdtempSync(join(tmpdir(), 'evert-windows-'))
    t.after(() => rmSync(directory, { recursive: true, force: true }))
    for (let crashAt = 0; crashAt < INPUTS.length; crashAt++) {
      const crashed = await runWithCrash(new Life(subTopology, new MemoryEngine()), crashAt, life =>
        life.crash(),
      )
      assert.deepEqual(crashed, expected, `crash before record ${crashAt}`)
      const restored = await runWithCrash(new Life(subTopology, new MemoryEngine()), crashAt, life =>
        life.restoreOnNewDisk(),
      )
      assert.deepEqual(restored, expected, `disk lost before record ${crashAt}`)
    }
    const engine = new LmdbEngine(directory)
    const onDisk = await runWithCrash(new Life(subTopology, engine), INPUTS.length >> 1, life => life.crash())
    await engine.close()
    assert.deepEqual(onDisk, expected, 'on disk')
  })
}
