import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { seededRandom } from '../../src/internal/random.ts'
import { joinTables } from '../../src/streams/dsl/join-tables.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { assertSameWithCrashes, type Input } from './crashing-run.ts'

const text = { key: string, value: string }
const left = topic('left', text)
const right = topic('right', text)
const output = topic('out', text)
const others = topic('others', text)
const counts = topic('counts', { key: string, value: int64 })

const idOf = (value: string): string | null => value?.slice(0, 1) ?? null

const TOPOLOGIES: Record<string, (builder: StreamsBuilder) => void> = {
  deduplicate: builder => {
    builder.stream(left).deduplicate(idOf, { withinMs: 30, graceMs: 10 }).to(output)
    builder.stream(right).deduplicate(idOf, { withinMs: 5, acrossKeys: true }).to(output)
  },
  'tables whose rows expire': builder => {
    builder.table(left, { ttlMs: 25 }).toStream().to(output)
    builder.stream(right).groupByKey().count({ ttlMs: 40 }).toStream().to(counts)
  },
  'tables that emit on change': builder => {
    const short = { emitOnChange: true, value: string } as const
    builder
      .table(left, { emitOnChange: true, ttlMs: 50 })
      .map(value => value.slice(0, 1), short)
      .toStream()
      .to(output)
    builder
      .table(right, { emitOnChange: true })
      .groupBy(value => value.slice(0, 1))
      .count({ emitOnChange: true })
      .toStream()
      .to(counts)
  },
  'first rows of groups': builder => {
    const by = (value: string) => Number(value) % 7
    builder
      .table(left)
      .groupBy(value => value.slice(0, 1))
      .top(2, { by })
      .map(list => list.join(' '), { value: string })
      .toStream()
      .to(output)
    builder
      .stream(right)
      .groupByKey()
      .top(3, { by, order: 'asc' })
      .map(list => list.join(' '), { value: string })
      .toStream()
      .to(others)
  },
  'joins of tables at once': builder => {
    const orders = builder.table(left)
    const order = orders.map(value => value, { store: 'orders', value: string })
    const state = orders.map(value => value.length, { store: 'lengths', value: int64 })
    const joined = joinTables(
      { order, payment: builder.table(right), state },
      ({ order: text, payment, state: length }) => `${text} ${payment} ${length}`,
      { optional: ['payment'], value: string },
    )
    joined.toStream().to(output)
    joined.view('joined')
  },
}

function randomInputs(random: () => number): Input[] {
  const below = (limit: number) => Math.floor(random() * limit)
  let now = 0
  return Array.from({ length: 500 }, () => {
    now += below(30) === 0 ? below(80) : below(4)
    return {
      topic: below(2) === 0 ? 'left' : 'right',
      key: below(30) === 0 ? null : ('abcde'[below(5)] as string),
      value: below(12) === 0 ? null : String(below(60)),
      timestamp: Math.max(0, now - (below(4) === 0 ? below(50) : 0)),
    }
  })
}

const seed = Number(process.env.EVERT_SEED ?? Math.floor(Math.random() * 2 ** 31))

for (const [name, define] of Object.entries(TOPOLOGIES)) {
  test(`${name}: results and stores are the same wherever it commits, and after crashes (EVERT_SEED=${seed})`, () => {
    const random = seededRandom(seed)
    for (let round = 0; round < 5; round++) {
      const builder = new StreamsBuilder()
      define(builder)
      const out = assertSameWithCrashes(builder.build('app'), randomInputs(random), random)
      assert.ok(out.length > 50, `only ${out.length} results`)
    }
  })
}
