import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { Topology } from '../../src/streams/graph/topology.ts'
import { Task } from '../../src/streams/runtime/task.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { TaskStores } from '../../src/streams/state/task-stores.ts'
import { singleRecord } from '../../src/testing/single-record.ts'

const text = { key: string, value: string }
const left = topic('left', text)
const right = topic('right', text)
const output = topic('out', text)
const joiner = (a: string | null, b: string | null): string => `${a}+${b}`

interface Input {
  readonly topic: string
  readonly key: string | null
  readonly value: string | null
  readonly timestamp: number
}

const TOPOLOGIES: Record<string, (builder: StreamsBuilder) => void> = {
  'inner join': builder =>
    builder
      .stream(left)
      .join(builder.stream(right), joiner, {
        within: { beforeMs: 20, afterMs: 5, graceMs: 10 },
        value: string,
      })
      .to(output),
  'outer join': builder =>
    builder
      .stream(left)
      .outerJoin(builder.stream(right), joiner, {
        within: { beforeMs: 5, afterMs: 12, graceMs: 10 },
        value: string,
      })
      .to(output),
  'left join': builder =>
    builder
      .stream(left)
      .leftJoin(builder.stream(right), joiner, {
        within: { beforeMs: 12, afterMs: 12, graceMs: 0 },
        value: string,
      })
      .to(output),
  'join with a versioned table, with grace': builder =>
    builder
      .stream(left)
      .leftJoin(builder.versionedTable(right, { historyRetentionMs: 60 }), joiner, {
        graceMs: 20,
        value: string,
      })
      .to(output),
}

/** Commits or crashes after the steps that are named so; what was not committed is processed again. */
function run(
  topology: Topology,
  inputs: readonly Input[],
  plan: { commits: Set<number>; crashes: Set<number> },
) {
  const [subTopology] = topology.subTopologies
  assert.ok(subTopology !== undefined)
  const engine = new MemoryEngine()
  const open = () => {
    const stores = new TaskStores(engine.openTask('0_0'), { cachedValues: 16 })
    for (const { name, value } of subTopology.stores) stores.open({ name, value, changelog: undefined })
    const pending: string[] = []
    const collector = {
      collect(
        _topic: string,
        _partition: unknown,
        timestamp: number,
        key: Buffer | null,
        value: Buffer | null,
      ) {
        pending.push(`${String(key)} ${timestamp} ${String(value)}`)
      },
    }
    return { stores, pending, task: new Task({ subTopology, partition: 0, stores, collector }) }
  }
  const committed: string[] = []
  const crashes = new Set(plan.crashes)
  let at = 0
  let life = open()
  let next = 0
  while (next < inputs.length) {
    const { topic: name, key, value, timestamp } = inputs[next] as Input
    const record = singleRecord({
      offset: next,
      timestamp,
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers: [],
    })
    life.task.enqueue({
      topic: name,
      partition: 0,
      batches: [record],
      fromOffset: next,
      nextOffset: next + 1,
    })
    life.task.process(1)
    next++
    if (crashes.delete(next)) {
      void life.stores.close()
      life = open()
      next = at
    } else if (plan.commits.has(next) || next === inputs.length) {
      life.stores.writeChangelog({ collect() {} })
      life.stores.commit({})
      committed.push(...life.pending.splice(0))
      at = next
    }
  }
  const rows = subTopology.stores.map(({ name }) =>
    Array.from(life.stores.committed(name).range(), ([key, row]) => [name, key, row]),
  )
  return { out: committed, rows }
}

function randomInputs(random: (below: number) => number): Input[] {
  let now = 0
  return Array.from({ length: 700 }, (_, i) => {
    now += random(30) === 0 ? random(80) : random(4)
    return {
      topic: random(2) === 0 ? 'left' : 'right',
      key: random(30) === 0 ? null : ('abcde'[random(5)] as string),
      value: random(12) === 0 ? null : `v${i}`,
      timestamp: Math.max(0, now - (random(4) === 0 ? random(50) : 0)),
    }
  })
}

for (const [name, define] of Object.entries(TOPOLOGIES)) {
  test(`${name}: results and stores are the same wherever it commits, and after crashes`, () => {
    for (let seed = 1; seed <= 6; seed++) {
      let state = seed
      const random = (below: number) => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
        return Math.floor((state / 2 ** 32) * below)
      }
      const builder = new StreamsBuilder()
      define(builder)
      const topology = builder.build('app')
      const inputs = randomInputs(random)
      const steps = inputs.map((_, step) => step)
      const never = run(topology, inputs, { commits: new Set(), crashes: new Set() })
      const often = run(topology, inputs, { commits: new Set(steps), crashes: new Set() })
      const crashing = run(topology, inputs, {
        commits: new Set(steps.filter(() => random(10) === 0)),
        crashes: new Set(steps.filter(() => random(25) === 0)),
      })
      assert.ok(never.out.length > 100, `seed ${seed}: only ${never.out.length} results`)
      assert.deepEqual(often, never, `seed ${seed}`)
      assert.deepEqual(crashing, never, `seed ${seed}`)
    }
  })
}
