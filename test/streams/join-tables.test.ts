import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { seededRandom } from '../../src/internal/random.ts'
import { joinTables } from '../../src/streams/dsl/join-tables.ts'
import type { KTable } from '../../src/streams/dsl/ktable.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { testDriver } from '../../src/testing/test-driver.ts'

const text = { key: string, value: string }
const topics = { a: topic('a', text), b: topic('b', text), c: topic('c', text), d: topic('d', text) }
const output = topic('out', text)
const store = { store: 'joined', value: string } as const

type Text = string | null
type Tables = { readonly [N in keyof typeof topics]: KTable<string, string> }
type Define = (tables: Tables) => KTable<string, string>

const and = (left: Text, right: Text): string => `${left ?? '-'}|${right ?? '-'}`
const all = ({ a, b, c }: { a: Text; b: Text; c: Text }): string => and(and(a, b), c)

/** Where a chain has no left row, its joiner gets null for all that it would have of it. */
const outer = (left: Text, right: Text): string => and(left ?? '-|-', right)

const shapes: Record<string, { chain: Define; atOnce: Define }> = {
  'all required': {
    chain: ({ a, b, c }) => a.join(b, and, { value: string }).join(c, and, store),
    atOnce: ({ a, b, c }) => joinTables({ a, b, c }, all, store),
  },
  'the last one optional': {
    chain: ({ a, b, c }) => a.join(b, and, { value: string }).leftJoin(c, and, store),
    atOnce: ({ a, b, c }) => joinTables({ a, b, c }, all, { ...store, optional: ['c'] }),
  },
  'the middle one optional': {
    chain: ({ a, b, c }) => a.leftJoin(b, and, { value: string }).join(c, and, store),
    atOnce: ({ a, b, c }) => joinTables({ a, b, c }, all, { ...store, optional: ['b'] }),
  },
  'all but the first optional': {
    chain: ({ a, b, c }) => a.leftJoin(b, and, { value: string }).leftJoin(c, and, store),
    atOnce: ({ a, b, c }) => joinTables({ a, b, c }, all, { ...store, optional: ['b', 'c'] }),
  },
  'all optional': {
    chain: ({ a, b, c }) => a.outerJoin(b, and, { value: string }).outerJoin(c, outer, store),
    atOnce: ({ a, b, c }) => joinTables({ a, b, c }, all, { ...store, optional: ['a', 'b', 'c'] }),
  },
  'joiners that make no row of some': {
    chain: ({ a, b, c }) =>
      a.join(b, and, { value: string }).join(c, (ab, c3) => (c3 === '1' ? null : and(ab, c3)), store),
    atOnce: ({ a, b, c }) => joinTables({ a, b, c }, rows => (rows.c === '1' ? null : all(rows)), store),
  },
  'members that keep no rows': {
    chain: ({ a, b, c }) =>
      a
        .filter(value => value !== '2')
        .join(
          b.map(value => `m${value}`, { value: string }),
          and,
          { value: string },
        )
        .leftJoin(
          c.map(value => `n${value}`, { value: string }),
          and,
          store,
        ),
    atOnce: ({ a, b, c }) =>
      joinTables(
        {
          a: a.filter(value => value !== '2'),
          b: b.map(value => `m${value}`, { value: string }),
          c: c.map(value => `n${value}`, { value: string }),
        },
        all,
        { ...store, optional: ['c'] },
      ),
  },
  'four, one of them optional': {
    chain: ({ a, b, c, d }) =>
      a.join(b, and, { value: string }).join(c, and, { value: string }).leftJoin(d, and, store),
    atOnce: ({ a, b, c, d }) =>
      joinTables({ a, b, c, d }, rows => and(all(rows), rows.d), { ...store, optional: ['d'] }),
  },
}

function driverOf(define: Define, use: (table: KTable<string, string>) => void) {
  const builder = new StreamsBuilder()
  const [a, b, c, d] = Object.values(topics).map(each => builder.table(each)) as [
    Tables['a'],
    Tables['b'],
    Tables['c'],
    Tables['d'],
  ]
  use(define({ a, b, c, d }))
  return testDriver(builder)
}

const seed = Number(process.env.EVERT_SEED ?? Math.floor(Math.random() * 2 ** 31))

for (const [name, { chain, atOnce }] of Object.entries(shapes)) {
  test(`what a chain of joins gives at each step: ${name} (EVERT_SEED=${seed})`, () => {
    const random = seededRandom(seed)
    const below = (limit: number) => Math.floor(random() * limit)
    const drivers = [chain, atOnce].map(define => driverOf(define, table => table.toStream().to(output)))
    let results = 0
    for (let step = 0; step < 1_500; step++) {
      const to = Object.values(topics)[below(4)] as (typeof topics)['a']
      const record = {
        key: 'klm'[below(3)] as string,
        value: below(3) === 0 ? null : String(below(3)),
        timestamp: step + below(30),
      }
      const [expected, actual] = drivers.map(driver => {
        driver.send(to, record)
        return { out: driver.read(output), rows: driver.rows('joined') }
      })
      assert.deepEqual(actual, expected, `step ${step}: ${to.name} ${JSON.stringify(record)}`)
      results += actual?.out.length ?? 0
    }
    assert.ok(results > 100, `only ${results} results`)
  })
}

test('rows come by name, and one that is missing is null', () => {
  const driver = driverOf(
    ({ a, b }) =>
      joinTables({ order: a, payment: b }, ({ order, payment }, key) => `${key}: ${order} ${payment}`, {
        optional: ['payment'],
        value: string,
      }),
    table => table.toStream().to(output),
  )
  const steps = [
    [topics.b, 'paid', []],
    [topics.a, 'ordered', ['k: ordered paid']],
    [topics.b, null, ['k: ordered null']],
    [topics.b, null, []],
    [topics.a, null, [null]],
    [topics.a, null, []],
  ] as const
  for (const [to, value, expected] of steps) {
    driver.send(to, { key: 'k', value })
    assert.deepEqual(
      driver.read(output).map(record => record.value),
      expected,
    )
  }
})

test('a joined table without a store is grouped, joined and viewed like any other', () => {
  const counts = topic('counts', { key: string, value: int64 })
  const builder = new StreamsBuilder()
  const [a, b, c] = [topics.a, topics.b, topics.c].map(each => builder.table(each))
  assert.ok(a !== undefined && b !== undefined && c !== undefined)
  const joined = joinTables({ a, b }, rows => and(rows.a, rows.b), { value: string, optional: ['b'] })
  joined
    .groupBy(value => value)
    .count()
    .toStream()
    .to(counts)
  joined.join(c, and, { value: string }).toStream().to(output)
  const driver = testDriver(builder)
  const send = (to: typeof topics.a, key: string, value: Text) => driver.send(to, { key, value })
  send(topics.c, 'k', 'c')
  send(topics.a, 'k', '1')
  send(topics.a, 'l', '1')
  send(topics.b, 'k', '2')
  send(topics.c, 'k', 'd')
  assert.deepEqual(
    driver.read(output).map(({ value }) => value),
    ['1|-|c', '1|2|c', '1|2|d'],
  )
  assert.deepEqual(
    driver.read(counts).map(({ key, value }) => `${key} ${value}`),
    ['1|- 1', '1|- 2', '1|- 1', '1|2 1'],
  )
})

test('a row that was none before and is none now makes no result', () => {
  const driver = driverOf(
    ({ a, b }) =>
      joinTables({ a, b: b.filter(value => value !== '0') }, rows => and(rows.a, rows.b), {
        value: string,
        optional: ['b'],
      }),
    table => table.toStream().to(output),
  )
  driver.send(topics.a, { key: 'k', value: '1' })
  driver.send(topics.b, { key: 'k', value: '0' })
  assert.deepEqual(
    driver.read(output).map(({ value }) => value),
    ['1|-'],
  )
})

test('the members are one sub-topology with equal partitions, and the join keeps no rows of its own', () => {
  const builder = new StreamsBuilder()
  const [a, b, c] = [topics.a, topics.b, topics.c].map(each => builder.table(each))
  assert.ok(a !== undefined && b !== undefined && c !== undefined)
  joinTables({ a, b, c }, all)
    .toStream()
    .to(topic('json', { key: string, value: string }))
  const { subTopologies } = builder.build('app')
  assert.equal(subTopologies.length, 1)
  assert.deepEqual(subTopologies[0]?.coPartitionGroups, [['a', 'b', 'c']])
  assert.equal(subTopologies[0]?.stores.length, 3)
})

test('what is no join is refused when the topology is written', () => {
  const builder = new StreamsBuilder()
  const a = builder.table(topics.a)
  const b = builder.table(topics.b)
  const other = new StreamsBuilder().table(topics.c)
  const stream = builder.stream(topics.d) as unknown as KTable<string, string>
  const refused: [RegExp, () => unknown][] = [
    [/has one table\. Give it two or more/, () => joinTables({ a }, () => '')],
    [/no tables/, () => joinTables({}, () => '')],
    [/no member "z".*a, b/, () => joinTables({ a, b }, () => '', { optional: ['z' as 'a'] })],
    [/"other" is a table of another builder/, () => joinTables({ a, other }, () => '')],
    [/"stream" is no table/, () => joinTables({ a, stream }, () => '')],
  ]
  for (const [message, join] of refused) assert.throws(join, { code: 'INVALID_TOPOLOGY', message })
})

const first = (rows: object): string => Object.values(rows).join('|')
const shout = (value: string): string => `${value}!`
const own = { store: 'own', value: string } as const

/** Members that change with one record, in pairs of which the second is said to depend on the first. */
const dependent: Record<string, (a: KTable<string, string>, b: KTable<string, string>) => object> = {
  'the table itself': a => ({ x: a, y: a }),
  'a map of it': a => ({ x: a, y: a.map(shout) }),
  'a map of it that keeps its rows': a => ({ x: a, y: a.map(shout, own) }),
  'two computed from one': a => ({ x: a.map(shout), y: a.filter(value => value !== '') }),
  'one computed, one kept': a => ({ x: a.map(shout), y: a.map(shout, own) }),
  'a join with it': (a, b) => ({ x: a, y: a.join(b, and) }),
  'a join with it that keeps its rows': (a, b) => ({ x: b, y: a.join(b, and, own) }),
  'its stream as a table': a => ({ x: a, y: a.toStream().toTable() }),
  'a count of its changes': a => ({ x: a, y: a.toStream().groupByKey().count() }),
}

test('members that change with one record are refused, in either order', () => {
  for (const [what, membersOf] of Object.entries(dependent)) {
    for (const isTurned of [false, true]) {
      const builder = new StreamsBuilder()
      const members = Object.entries(membersOf(builder.table(topics.a), builder.table(topics.b)))
      const tables: Record<string, KTable<string, string>> = Object.fromEntries(
        isTurned ? members.toReversed() : members,
      )
      assert.throws(
        () => joinTables(tables, first),
        {
          code: 'INVALID_TOPOLOGY',
          message:
            /the members "[xy]" and "[xy]", whose rows change with one and the same record\. Leave "[xy]" out/,
        },
        what,
      )
    }
  }
})

test('members with rows of their own are joined: kept side by side, or behind a topic', () => {
  const builder = new StreamsBuilder()
  const a = builder.table(topics.a)
  const kept = {
    m: a.map(shout, { store: 'm', value: string }),
    n: a.map(value => value.toLowerCase(), { store: 'n', value: string }),
  }
  joinTables(kept, first, { value: string })
    .groupBy(value => value)
    .count({ store: 'kept' })
  const behind = a.toStream().repartition().toTable()
  joinTables({ a, behind }, first, { value: string })
    .groupBy(value => value)
    .count({ store: 'behind' })
  const driver = testDriver(builder)
  for (const value of ['X', 'Y', null, 'Z']) driver.send(topics.a, { key: 'k', value, timestamp: 1 })
  const counted = (store: string) => driver.rows<string, number>(store).filter(row => row.value !== 0)
  assert.deepEqual(
    [...counted('kept'), ...counted('behind')].map(({ key, value }) => [key, value]),
    [
      ['Z!|z', 1],
      ['Z|Z', 1],
    ],
  )
  driver.send(topics.a, { key: 'k', value: null, timestamp: 1 })
  assert.deepEqual([...counted('kept'), ...counted('behind')], [])
})

test('the rows are in the order of the members, whichever of them changed', () => {
  const builder = new StreamsBuilder()
  joinTables({ b: builder.table(topics.b), a: builder.table(topics.a) }, rows => JSON.stringify(rows), store)
  const driver = testDriver(builder)
  driver.send(topics.a, { key: 'k', value: '1' })
  driver.send(topics.b, { key: 'k', value: '2' })
  assert.equal(driver.row('joined', 'k')?.value, '{"b":"2","a":"1"}')
  driver.send(topics.a, { key: 'k', value: '3' })
  assert.equal(driver.row('joined', 'k')?.value, '{"b":"2","a":"3"}')
})
