import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { KTable } from '../../src/streams/dsl/ktable.ts'
import type { SubTopology } from '../../src/streams/graph/topology.ts'
import type { Windowed } from '../../src/streams/processors/windowed-key.ts'
import { hopping, sessions, sliding, tumbling, unlimited } from '../../src/streams/processors/windows.ts'
import type { RecordCollector } from '../../src/streams/runtime/record-collector.ts'
import { Task } from '../../src/streams/runtime/task.ts'
import type { ByteString, StateEngine } from '../../src/streams/state/byte-store.ts'
import { LmdbEngine } from '../../src/streams/state/lmdb.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import type { KeyValueStore } from '../../src/streams/state/store.ts'
import { TaskStores } from '../../src/streams/state/task-stores.ts'
import { singleRecord } from '../../src/testing/single-record.ts'

const input = topic('in', { key: string, value: string })
const output = topic('out', { key: string, value: string })

type Input = readonly [key: string, value: string | null, timestamp: number]

/** A task on stores that outlive it, and what it wrote and committed. */
class Life {
  readonly #subTopology: SubTopology
  readonly #engine: StateEngine
  /** The latest of each changelog: store, key and value as logged. */
  readonly changelog = new Map<string, { store: string; key: ByteString; value: Buffer; timestamp: number }>()
  readonly committed: string[] = []
  #pending: string[] = []
  #stores: TaskStores
  #task: Task

  constructor(subTopology: SubTopology, engine: StateEngine) {
    this.#subTopology = subTopology
    this.#engine = engine
    this.#stores = this.#open()
    this.#task = this.#start()
  }

  process(offset: number, [key, value, timestamp]: Input): void {
    const record = {
      offset,
      timestamp,
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers: [{ key: 'at', value: Buffer.from(String(offset)) }],
    }
    const batches = [singleRecord(record)]
    this.#task.enqueue({ topic: 'in', partition: 0, batches, fromOffset: offset, nextOffset: offset + 1 })
    this.#task.process(1)
  }

  commit(): void {
    this.#stores.writeChangelog(this.#logged())
    this.#stores.commit({})
    this.committed.push(...this.#pending.splice(0))
  }

  /** What is not committed is lost. */
  async crash(): Promise<void> {
    this.#pending = []
    await this.#stores.close()
    this.#stores = this.#open()
    this.#task = this.#start()
  }

  /** The disk is lost as well: state comes back from the changelogs. */
  async restoreOnNewDisk(): Promise<void> {
    this.#pending = []
    await this.#stores.close()
    await this.#engine.dropTask('0_0')
    this.#stores = this.#open()
    for (const { store, ...record } of this.changelog.values()) this.#stores.restore(store, [record], {})
    this.#task = this.#start()
  }

  /** Every row of every store. */
  rows(): string[] {
    return this.#subTopology.stores.flatMap(({ name }) => {
      const store: KeyValueStore<unknown> = this.#stores.keyValue(name)
      return Array.from(store.range(), ([key, row]) => `${name} ${JSON.stringify([key, row])}`)
    })
  }

  async close(): Promise<void> {
    await this.#stores.close()
  }

  #open(): TaskStores {
    const stores = new TaskStores(this.#engine.openTask('0_0'))
    for (const { name, value } of this.#subTopology.stores) {
      stores.open({ name, value, changelog: { topic: name, partition: 0 } })
    }
    return stores
  }

  #start(): Task {
    const collect: RecordCollector['collect'] = (_topic, _partition, timestamp, key, value, headers) => {
      const texts = headers.map(header => String(header.value))
      this.#pending.push(`${String(key)}=${String(value)}@${timestamp} [${texts.join()}]`)
    }
    return new Task({
      subTopology: this.#subTopology,
      partition: 0,
      stores: this.#stores,
      collector: { collect },
    })
  }

  #logged(): RecordCollector {
    return {
      collect: (store, _partition, timestamp, key, value) => {
        const at = (key as Buffer).toString('latin1')
        if (value === null) this.changelog.delete(`${store} ${at}`)
        else this.changelog.set(`${store} ${at}`, { store, key: at, value: Buffer.from(value), timestamp })
      },
    }
  }
}

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

function subTopologyOf(define: (builder: StreamsBuilder) => void): SubTopology {
  const builder = new StreamsBuilder()
  define(builder)
  const [subTopology] = builder.build('app').subTopologies
  assert.ok(subTopology !== undefined)
  return subTopology
}

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
