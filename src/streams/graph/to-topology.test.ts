import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../contracts/codecs.ts'
import { topic } from '../../contracts/topic.ts'
import { StreamsBuilder } from '../dsl/streams-builder.ts'

const text = (name: string) => topic(name, { key: string, value: string })
const asText = { value: string }

test('sub-topologies are cut at repartition topics and joined by shared tables', () => {
  const builder = new StreamsBuilder()
  const customers = builder.table(text('customers'), { store: 'customers' })
  const orders = builder.stream(text('orders')).selectKey(order => order, { name: 'by-customer' })
  orders.join(customers, (order, customer) => order + customer, { ...asText, name: 'enrich' }).to(text('out'))
  builder.stream(text('other')).to(text('out'))

  const { subTopologies } = builder.build('shop')
  assert.deepEqual(
    subTopologies.map(part => ({
      id: part.id,
      sourceTopics: part.sourceTopics,
      reads: part.repartitionSources.map(({ name }) => name),
      writes: part.repartitionSinks,
      stores: part.stores.map(({ name }) => name),
      coPartitionGroups: part.coPartitionGroups,
    })),
    [
      {
        id: 0,
        sourceTopics: ['customers'],
        reads: ['shop-enrich-repartition'],
        writes: [],
        stores: ['customers'],
        coPartitionGroups: [['shop-enrich-repartition', 'customers']],
      },
      {
        id: 1,
        sourceTopics: ['orders'],
        reads: [],
        writes: ['shop-enrich-repartition'],
        stores: [],
        coPartitionGroups: [],
      },
      { id: 2, sourceTopics: ['other'], reads: [], writes: [], stores: [], coPartitionGroups: [] },
    ],
  )
})

test('a table of a topic has the topic as changelog, a computed table has its own', () => {
  const builder = new StreamsBuilder()
  const table = builder.table(text('in'), { store: 'rows' })
  table.map(row => row, { ...asText, store: 'mapped' })
  const stores = builder.build('shop').subTopologies[0]?.stores
  assert.deepEqual(
    stores?.map(({ name, changelog }) => [name, changelog?.topic, changelog?.isSource, changelog?.configs]),
    [
      ['rows', 'in', true, {}],
      ['mapped', 'shop-mapped-changelog', false, { 'cleanup.policy': 'compact' }],
    ],
  )
})

test('rows are only kept where something needs them', () => {
  const cases: [string, (builder: StreamsBuilder) => void, string[]][] = [
    [
      'nothing',
      builder =>
        builder
          .table(text('in'))
          .filter(() => true)
          .toStream()
          .to(text('out')),
      [],
    ],
    [
      'a view',
      builder =>
        void builder
          .table(text('in'))
          .map(row => row, asText)
          .view('seen'),
      ['seen'],
    ],
    [
      'old values for a group',
      builder =>
        void builder
          .table(text('in'))
          .map(row => row, asText)
          .groupBy(row => row)
          .count({ store: 'n' }),
      ['in-STATE-STORE-0000000000', 'n'],
    ],
    [
      'a join reads the source of a mapped table',
      builder => {
        const table = builder.table(text('in')).map(row => row, asText)
        builder
          .stream(text('s'))
          .join(table, left => left, asText)
          .to(text('out'))
      },
      ['in-STATE-STORE-0000000000'],
    ],
  ]
  for (const [name, define, expected] of cases) {
    const builder = new StreamsBuilder()
    define(builder)
    const stores = builder.build('shop').subTopologies.flatMap(part => part.stores.map(store => store.name))
    assert.deepEqual(stores, expected, name)
  }
})

test('a view is registered with its store', () => {
  const builder = new StreamsBuilder()
  const table = builder.table(text('in'), { store: 'rows' })
  const view = table.view('orders')
  assert.deepEqual(builder.build('shop').views, [{ name: 'orders', store: 'rows', view }])
})

test('what cannot be built is refused with what to do', () => {
  const cases: [string, (builder: StreamsBuilder) => void, RegExp][] = [
    ['no topic', () => {}, /reads no topic/],
    [
      'one store name twice',
      builder => {
        builder.table(text('a'), { store: 'x' })
        builder.table(text('b'), { store: 'x' })
      },
      /Two stores are named "x"/,
    ],
    [
      'a topic read twice',
      builder => {
        builder.table(text('a'))
        builder.stream(text('a'))
      },
      /The topic "a" is read twice/,
    ],
    [
      'one operator name twice',
      builder => {
        const stream = builder.stream(text('a'))
        stream.filter(() => true, { name: 'f' })
        stream.filter(() => true, { name: 'f' })
      },
      /Two operators are named "f"/,
    ],
    [
      'a name that no topic may have',
      builder => builder.table(text('a'), { store: '../x' }),
      /store name "\.\.\/x" cannot be part of a topic name/,
    ],
    [
      'one view name twice',
      builder => {
        const table = builder.table(text('a'))
        table.view('v')
        table.view('v')
      },
      /Two views are named "v"/,
    ],
    [
      'topics of different codecs in one stream',
      builder => builder.stream([text('a'), topic('b', { key: string, value: { ...string } })]),
      /do not share one key and one value codec/,
    ],
  ]
  for (const [name, define, message] of cases) {
    const build = () => {
      const builder = new StreamsBuilder()
      define(builder)
      builder.build('shop')
    }
    assert.throws(build, { code: 'INVALID_TOPOLOGY', message }, name)
  }
})

test('two streams of one topic share its source', () => {
  const builder = new StreamsBuilder()
  builder.stream(text('in')).to(text('a'))
  builder.stream(text('in')).to(text('b'))
  const [part, ...others] = builder.build('shop').subTopologies
  assert.deepEqual(others, [])
  assert.equal(part?.nodes.filter(node => node.kind === 'source').length, 1)
})
