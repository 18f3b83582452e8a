import assert from 'node:assert/strict'
import { test } from 'node:test'
import { json } from '../../src/contracts/json.ts'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { testDriver } from '../../src/testing/test-driver.ts'
import { tumbling } from '../../src/streams/processors/windows.ts'
import type { KStream } from '../../src/streams/dsl/kstream.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'

const text = (name: string) => topic(name, { key: string, value: string })
const clicks = text('clicks')
const ten = tumbling({ sizeMs: 10, graceMs: 0 })

/** The names that outlive the process: stores, changelogs, repartition topics, and which store a view is over. */
function namesOf(builder: StreamsBuilder) {
  const { subTopologies, views } = builder.build('app')
  return {
    stores: subTopologies.flatMap(part => part.stores.map(({ name }) => name)),
    changelogs: subTopologies.flatMap(part => part.stores.map(({ changelog }) => changelog?.topic ?? 'none')),
    repartitions: subTopologies.flatMap(part => part.repartitionSources.map(({ name }) => name)),
    written: subTopologies.flatMap(part => part.repartitionSinks),
    used: [
      ...new Set(
        subTopologies.flatMap(part => part.nodes.flatMap(n => (n.kind === 'processor' ? n.stores : []))),
      ),
    ],
    views: views.map(({ name, store }) => `${name}: ${store}`),
  }
}

const rekeyed = (stream: KStream<string, string>) => stream.groupBy(page => page)

const cases: {
  name: string
  table: (stream: KStream<string, string>) => { view(name: string): unknown }
  stores?: string[]
  repartition: boolean
}[] = [
  { name: 'count', table: stream => rekeyed(stream).count(), repartition: true },
  { name: 'reduce', table: stream => rekeyed(stream).reduce(a => a), repartition: true },
  {
    name: 'aggregate',
    table: stream =>
      rekeyed(stream).aggregate(
        () => '',
        a => a,
        { value: string },
      ),
    repartition: true,
  },
  {
    name: 'an aggregate of the stream as it is',
    table: stream => stream.groupByKey().count(),
    repartition: false,
  },
  {
    name: 'a windowed count',
    table: stream => rekeyed(stream).windowedBy(ten).count(),
    stores: ['rows', 'rows-times'],
    repartition: true,
  },
  {
    name: 'a count by sessions',
    table: stream => rekeyed(stream).sessions({ gapMs: 5, graceMs: 0 }).count(),
    stores: ['rows', 'rows-by-key', 'rows-times'],
    repartition: true,
  },
  {
    name: 'a cogroup',
    table: stream =>
      rekeyed(stream)
        .cogroup<string>(a => a)
        .aggregate(() => '', { value: string }),
    repartition: true,
  },
  { name: 'toTable', table: stream => stream.selectKey(page => page).toTable(), repartition: true },
]

for (const { name, table, stores = ['rows'], repartition } of cases) {
  test(`a view names the rows of its table, whatever is written before it: ${name}`, () => {
    const build = (before: (stream: KStream<string, string>) => KStream<string, string>) => {
      const builder = new StreamsBuilder()
      table(before(builder.stream(clicks))).view('rows')
      return namesOf(builder)
    }
    const names = build(stream => stream)
    const internal = repartition ? ['app-rows-repartition'] : []
    assert.deepEqual(names.stores.toSorted(), stores)
    assert.deepEqual(names.used.toSorted(), stores)
    assert.deepEqual(names.changelogs.toSorted(), stores.map(store => `app-${store}-changelog`).toSorted())
    assert.deepEqual([names.repartitions, names.written], [internal, internal])
    assert.deepEqual(names.views, ['rows: rows'])
    assert.deepEqual(
      build(stream => stream.peek(() => {})),
      names,
    )
  })
}

test('a view names a count of a table, a join, and the rows that a join already reads', () => {
  const builder = new StreamsBuilder()
  const people = builder.table(text('people'))
  const towns = builder.table(text('towns'))
  const joined = people.join(towns, (a, b) => a + b, { value: string })
  joined
    .groupBy(row => row)
    .count()
    .view('per-row')
  joined.view('joined')
  people.view('people-rows')
  const { stores, repartitions, views } = namesOf(builder)
  assert.deepEqual(stores.toSorted(), ['joined', 'people-rows', 'per-row', 'towns-STATE-STORE-0000000003'])
  assert.deepEqual(repartitions, ['app-per-row-repartition'])
  assert.deepEqual(views, ['per-row: per-row', 'joined: joined', 'people-rows: people-rows'])
})

test('a table keeps the name that it was given first', () => {
  const builder = new StreamsBuilder()
  const stream = builder.stream(clicks)
  stream.groupByKey().count({ store: 'own' }).view('of-own')
  const twice = stream.groupBy(page => page).count()
  twice.view('first')
  twice.view('second')
  const { stores, repartitions, views } = namesOf(builder)
  assert.deepEqual(stores.toSorted(), ['first', 'own'])
  assert.deepEqual(repartitions, ['app-first-repartition'])
  assert.deepEqual(views, ['of-own: own', 'first: first', 'second: first'])
})

test('the view of a grouping with a name leaves that name to its repartition topic', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(clicks)
    .groupBy(page => page, { name: 'by-page' })
    .count()
    .view('rows')
  const { stores, repartitions } = namesOf(builder)
  assert.deepEqual([stores, repartitions], [['rows'], ['app-by-page-repartition']])
})

test('a name that something else has is refused, before and after', () => {
  const count = (builder: StreamsBuilder) =>
    builder
      .stream(clicks)
      .groupBy(page => page)
      .count()
  const taken = { code: 'INVALID_TOPOLOGY', message: /Two stores are named "rows"/ }
  const before = new StreamsBuilder()
  before.table(text('in'), { store: 'rows' })
  assert.throws(() => count(before).view('rows'), taken)

  const after = new StreamsBuilder()
  count(after).view('rows')
  assert.throws(() => after.table(text('in'), { store: 'rows' }), taken)

  const grouping = new StreamsBuilder()
  grouping
    .stream(text('in'))
    .groupBy(row => row, { name: 'rows' })
    .count({ store: 'other' })
  assert.throws(() => count(grouping).view('rows'), {
    code: 'INVALID_TOPOLOGY',
    message: /Two repartition topics are named "rows-repartition"/,
  })
})

test('operators that knew the store by its generated name find it', () => {
  const builder = new StreamsBuilder()
  const stream = builder.stream(clicks)
  const counts = stream.groupByKey().count()
  const windows = stream.groupByKey().windowedBy(ten).count()
  const out = topic('out', { key: string, value: json() })
  builder
    .stream(text('asks'))
    .join(counts, (_, n) => n, { value: json() })
    .to(out)
  counts.view('counts')
  windows.view('windows')
  const driver = testDriver(builder)
  driver.send(clicks, { key: 'a', value: '/', timestamp: 1 })
  driver.send(clicks, { key: 'a', value: '/', timestamp: 2 })
  driver.send(text('asks'), { key: 'a', value: '?', timestamp: 3 })
  assert.deepEqual(driver.read(out), [{ key: 'a', value: 2, timestamp: 3, headers: [] }])
  assert.deepEqual(driver.rows('counts'), [{ key: 'a', value: 2, timestamp: 2 }])
  assert.deepEqual(
    driver.rows('windows').map(({ value }) => value),
    [2],
  )
})
