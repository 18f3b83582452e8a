import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, string } from '../../contracts/codecs.ts'
import { topic } from '../../contracts/topic.ts'
import { StreamsBuilder } from '../dsl/streams-builder.ts'
import { describe, describeAsText } from './describe.ts'

const text = (name: string) => topic(name, { key: string, value: string })
const numbers = (name: string) => topic(name, { key: string, value: int64 })
const asText = { value: string }
const first = (left: string) => left

/** Texts printed by `Topology#describe` of Kafka Streams 4.3.1 for the same calls. */
const CASES: { name: string; define: (builder: StreamsBuilder) => void; text: string }[] = [
  {
    name: 'a stream through stateless operators',
    define: builder =>
      builder
        .stream(text('in'))
        .filter(() => true)
        .map(value => value, asText)
        .to(text('out')),
    text: `Topologies:
   Sub-topology: 0
    Source: KSTREAM-SOURCE-0000000000 (topics: [in])
      --> KSTREAM-FILTER-0000000001
    Processor: KSTREAM-FILTER-0000000001 (stores: [])
      --> KSTREAM-MAPVALUES-0000000002
      <-- KSTREAM-SOURCE-0000000000
    Processor: KSTREAM-MAPVALUES-0000000002 (stores: [])
      --> KSTREAM-SINK-0000000003
      <-- KSTREAM-FILTER-0000000001
    Sink: KSTREAM-SINK-0000000003 (topic: out)
      <-- KSTREAM-MAPVALUES-0000000002

`,
  },
  {
    name: 'a changed key is repartitioned before the count',
    define: builder =>
      builder
        .stream(text('in'))
        .selectKey(value => value)
        .groupByKey()
        .count()
        .toStream()
        .to(numbers('out')),
    text: `Topologies:
   Sub-topology: 0
    Source: KSTREAM-SOURCE-0000000000 (topics: [in])
      --> KSTREAM-KEY-SELECT-0000000001
    Processor: KSTREAM-KEY-SELECT-0000000001 (stores: [])
      --> KSTREAM-FILTER-0000000005
      <-- KSTREAM-SOURCE-0000000000
    Processor: KSTREAM-FILTER-0000000005 (stores: [])
      --> KSTREAM-SINK-0000000004
      <-- KSTREAM-KEY-SELECT-0000000001
    Sink: KSTREAM-SINK-0000000004 (topic: KSTREAM-AGGREGATE-STATE-STORE-0000000002-repartition)
      <-- KSTREAM-FILTER-0000000005

  Sub-topology: 1
    Source: KSTREAM-SOURCE-0000000006 (topics: [KSTREAM-AGGREGATE-STATE-STORE-0000000002-repartition])
      --> KSTREAM-AGGREGATE-0000000003
    Processor: KSTREAM-AGGREGATE-0000000003 (stores: [KSTREAM-AGGREGATE-STATE-STORE-0000000002])
      --> KTABLE-TOSTREAM-0000000007
      <-- KSTREAM-SOURCE-0000000006
    Processor: KTABLE-TOSTREAM-0000000007 (stores: [])
      --> KSTREAM-SINK-0000000008
      <-- KSTREAM-AGGREGATE-0000000003
    Sink: KSTREAM-SINK-0000000008 (topic: out)
      <-- KTABLE-TOSTREAM-0000000007

`,
  },
  {
    name: 'both sides of a table join and their merge',
    define: builder => {
      const left = builder.table(text('l'))
      const right = builder.table(text('r'))
      left.leftJoin(right, first, asText).toStream().to(text('out'))
    },
    text: `Topologies:
   Sub-topology: 0
    Source: KSTREAM-SOURCE-0000000001 (topics: [l])
      --> KTABLE-SOURCE-0000000002
    Source: KSTREAM-SOURCE-0000000004 (topics: [r])
      --> KTABLE-SOURCE-0000000005
    Processor: KTABLE-SOURCE-0000000002 (stores: [l-STATE-STORE-0000000000])
      --> KTABLE-JOINTHIS-0000000007
      <-- KSTREAM-SOURCE-0000000001
    Processor: KTABLE-SOURCE-0000000005 (stores: [r-STATE-STORE-0000000003])
      --> KTABLE-JOINOTHER-0000000008
      <-- KSTREAM-SOURCE-0000000004
    Processor: KTABLE-JOINOTHER-0000000008 (stores: [l-STATE-STORE-0000000000])
      --> KTABLE-MERGE-0000000006
      <-- KTABLE-SOURCE-0000000005
    Processor: KTABLE-JOINTHIS-0000000007 (stores: [r-STATE-STORE-0000000003])
      --> KTABLE-MERGE-0000000006
      <-- KTABLE-SOURCE-0000000002
    Processor: KTABLE-MERGE-0000000006 (stores: [])
      --> KTABLE-TOSTREAM-0000000009
      <-- KTABLE-JOINTHIS-0000000007, KTABLE-JOINOTHER-0000000008
    Processor: KTABLE-TOSTREAM-0000000009 (stores: [])
      --> KSTREAM-SINK-0000000010
      <-- KTABLE-MERGE-0000000006
    Sink: KSTREAM-SINK-0000000010 (topic: out)
      <-- KTABLE-TOSTREAM-0000000009

`,
  },
  {
    name: 'a stream is repartitioned to meet a table',
    define: builder => {
      const table = builder.table(text('t'))
      builder
        .stream(text('in'))
        .selectKey(value => value)
        .join(table, first, asText)
        .to(text('out'))
    },
    text: `Topologies:
   Sub-topology: 0
    Source: KSTREAM-SOURCE-0000000007 (topics: [KSTREAM-KEY-SELECT-0000000004-repartition])
      --> KSTREAM-JOIN-0000000008
    Processor: KSTREAM-JOIN-0000000008 (stores: [t-STATE-STORE-0000000000])
      --> KSTREAM-SINK-0000000009
      <-- KSTREAM-SOURCE-0000000007
    Source: KSTREAM-SOURCE-0000000001 (topics: [t])
      --> KTABLE-SOURCE-0000000002
    Sink: KSTREAM-SINK-0000000009 (topic: out)
      <-- KSTREAM-JOIN-0000000008
    Processor: KTABLE-SOURCE-0000000002 (stores: [t-STATE-STORE-0000000000])
      --> none
      <-- KSTREAM-SOURCE-0000000001

  Sub-topology: 1
    Source: KSTREAM-SOURCE-0000000003 (topics: [in])
      --> KSTREAM-KEY-SELECT-0000000004
    Processor: KSTREAM-KEY-SELECT-0000000004 (stores: [])
      --> KSTREAM-FILTER-0000000006
      <-- KSTREAM-SOURCE-0000000003
    Processor: KSTREAM-FILTER-0000000006 (stores: [])
      --> KSTREAM-SINK-0000000005
      <-- KSTREAM-KEY-SELECT-0000000004
    Sink: KSTREAM-SINK-0000000005 (topic: KSTREAM-KEY-SELECT-0000000004-repartition)
      <-- KSTREAM-FILTER-0000000006

`,
  },
  {
    name: 'a grouped table',
    define: builder => {
      const grouped = builder
        .table(text('t'))
        .filter(() => true)
        .groupBy(value => value)
      grouped.count({ store: 'agg' }).toStream().to(numbers('out'))
    },
    text: `Topologies:
   Sub-topology: 0
    Source: KSTREAM-SOURCE-0000000001 (topics: [t])
      --> KTABLE-SOURCE-0000000002
    Processor: KTABLE-SOURCE-0000000002 (stores: [t-STATE-STORE-0000000000])
      --> KTABLE-FILTER-0000000003
      <-- KSTREAM-SOURCE-0000000001
    Processor: KTABLE-FILTER-0000000003 (stores: [])
      --> KTABLE-SELECT-0000000004
      <-- KTABLE-SOURCE-0000000002
    Processor: KTABLE-SELECT-0000000004 (stores: [])
      --> KSTREAM-SINK-0000000005
      <-- KTABLE-FILTER-0000000003
    Sink: KSTREAM-SINK-0000000005 (topic: agg-repartition)
      <-- KTABLE-SELECT-0000000004

  Sub-topology: 1
    Source: KSTREAM-SOURCE-0000000006 (topics: [agg-repartition])
      --> KTABLE-AGGREGATE-0000000007
    Processor: KTABLE-AGGREGATE-0000000007 (stores: [agg])
      --> KTABLE-TOSTREAM-0000000008
      <-- KSTREAM-SOURCE-0000000006
    Processor: KTABLE-TOSTREAM-0000000008 (stores: [])
      --> KSTREAM-SINK-0000000009
      <-- KTABLE-AGGREGATE-0000000007
    Sink: KSTREAM-SINK-0000000009 (topic: out)
      <-- KTABLE-TOSTREAM-0000000008

`,
  },
  {
    name: 'merged streams through an explicit repartition',
    define: builder => {
      const stream = builder.stream(text('in'))
      stream
        .merge(builder.stream(text('in2')))
        .repartition()
        .to(text('out'))
      stream
        .peek(() => {})
        .flatMap(value => [value], asText)
        .to(text('out2'))
    },
    text: `Topologies:
   Sub-topology: 0
    Source: KSTREAM-SOURCE-0000000000 (topics: [in])
      --> KSTREAM-MERGE-0000000002, KSTREAM-PEEK-0000000008
    Source: KSTREAM-SOURCE-0000000001 (topics: [in2])
      --> KSTREAM-MERGE-0000000002
    Processor: KSTREAM-MERGE-0000000002 (stores: [])
      --> KSTREAM-FILTER-0000000005
      <-- KSTREAM-SOURCE-0000000000, KSTREAM-SOURCE-0000000001
    Processor: KSTREAM-PEEK-0000000008 (stores: [])
      --> KSTREAM-FLATMAPVALUES-0000000009
      <-- KSTREAM-SOURCE-0000000000
    Processor: KSTREAM-FILTER-0000000005 (stores: [])
      --> KSTREAM-SINK-0000000004
      <-- KSTREAM-MERGE-0000000002
    Processor: KSTREAM-FLATMAPVALUES-0000000009 (stores: [])
      --> KSTREAM-SINK-0000000010
      <-- KSTREAM-PEEK-0000000008
    Sink: KSTREAM-SINK-0000000004 (topic: KSTREAM-REPARTITION-0000000003-repartition)
      <-- KSTREAM-FILTER-0000000005
    Sink: KSTREAM-SINK-0000000010 (topic: out2)
      <-- KSTREAM-FLATMAPVALUES-0000000009

  Sub-topology: 1
    Source: KSTREAM-SOURCE-0000000006 (topics: [KSTREAM-REPARTITION-0000000003-repartition])
      --> KSTREAM-SINK-0000000007
    Sink: KSTREAM-SINK-0000000007 (topic: out)
      <-- KSTREAM-SOURCE-0000000006

`,
  },
]

for (const { name, define, text: expected } of CASES) {
  test(`described as Kafka Streams describes it: ${name}`, () => {
    const builder = new StreamsBuilder()
    define(builder)
    assert.equal(describeAsText(builder.build('app')), expected)
  })
}

test('the description as data names topics without the application id', () => {
  const builder = new StreamsBuilder()
  builder.stream(text('in')).repartition({ name: 'again' }).to(text('out'))
  const [writer, reader] = describe(builder.build('app')).subTopologies
  assert.deepEqual(writer?.nodes.at(-1)?.topics, ['again-repartition'])
  assert.deepEqual(reader?.nodes[0]?.topics, ['again-repartition'])
})
