import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import type { KStream } from '../../src/streams/dsl/kstream.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { describe } from '../../src/streams/graph/describe.ts'
import { Task } from '../../src/streams/runtime/task.ts'
import { singleRecord } from '../../src/testing/single-record.ts'
import { testDriver } from '../../src/testing/test-driver.ts'

const text = (name: string) => topic(name, { key: string, value: string })
const [input, fast, slow] = [text('in'), text('fast'), text('slow')]

test('a function names the topic of each record, from its value, its key and where it comes from', () => {
  const builder = new StreamsBuilder()
  builder.stream(input).to(
    (value, key, { timestamp, headers, source }) => {
      if (headers.length > 0) return String(headers[0]?.value)
      if (value === 'place') return source?.offset === 3 && source.topic === 'in' ? 'fast' : 'none'
      return key === 'k' && timestamp > 10 ? 'fast' : 'slow'
    },
    { topics: [fast, slow] },
  )
  const topology = builder.build('app')
  assert.deepEqual(topology.topics.map(({ name }) => name).toSorted(), ['fast', 'in', 'slow'])
  const driver = testDriver({ topology: () => topology })
  const headers = [{ key: 'to', value: Buffer.from('fast') }]
  driver.send(input, { key: 'k', value: 'a', timestamp: 11 })
  driver.send(input, { key: 'l', value: 'b', timestamp: 12 })
  driver.send(input, { key: 'l', value: 'c', timestamp: 13, headers })
  driver.send(input, { key: 'l', value: 'place', timestamp: 14 })
  assert.deepEqual(
    driver.read(fast).map(({ value }) => value),
    ['a', 'c', 'place'],
  )
  assert.deepEqual(
    driver.read(slow).map(({ value }) => value),
    ['b'],
  )
})

test('a topic that was not declared is a failure of the record', () => {
  const builder = new StreamsBuilder()
  builder.stream(input).to(value => value, { name: 'route', topics: [fast, slow] })
  const send = (driver: ReturnType<typeof testDriver>) =>
    driver.send(input, { key: 'k', value: 'elsewhere', timestamp: 1 })
  assert.throws(() => send(testDriver(builder)), {
    code: 'TASK_FAILED',
    message: /in node route: The topic "elsewhere" is not among .* "route" may write to: fast, slow\./,
  })
  const skipping = testDriver(builder, { onError: 'skip' })
  send(skipping)
  assert.deepEqual(skipping.dropped(), [{ task: '0_0', operator: 'route', reason: 'production', count: 1 }])
})

test('the description shows each topic that a function chooses among', () => {
  const builder = new StreamsBuilder()
  builder.stream(input).to(value => value, { topics: [fast, slow] })
  const { nodes } = describe(builder.build('app')).subTopologies[0] ?? { nodes: [] }
  assert.deepEqual(
    nodes.map(({ kind, name, topics }) => [kind, name, ...topics]),
    [
      ['source', 'KSTREAM-SOURCE-0000000000', 'in'],
      ['processor', 'KSTREAM-SINK-0000000001'],
      ['sink', 'KSTREAM-SINK-0000000001-fast', 'fast'],
      ['sink', 'KSTREAM-SINK-0000000001-slow', 'slow'],
    ],
  )
})

/** The partitions that a record of each value goes to; `by key` where the default decides. */
function partitionsOf(
  define: (stream: KStream<string, string>) => void,
  values: readonly string[],
): (readonly [string, number | 'by key'])[] {
  const builder = new StreamsBuilder()
  define(builder.stream(input))
  const [subTopology] = builder.build('app').subTopologies
  assert.ok(subTopology !== undefined)
  const written: [string, number | 'by key'][] = []
  const task = new Task({
    subTopology,
    partition: 0,
    stores: { keyValue: () => assert.fail('there is no store') },
    collector: {
      collect: (name, partition, _timestamp, _key, value) =>
        written.push([`${name} ${String(value)}`, partition ?? 'by key']),
    },
    partitionsOf: name => (name === 'fast' ? 3 : 5),
  })
  for (const [offset, value] of values.entries()) {
    const record = { offset, timestamp: 1, key: Buffer.from('k'), value: Buffer.from(value), headers: [] }
    task.enqueue({
      topic: 'in',
      partition: 0,
      batches: [singleRecord(record)],
      fromOffset: offset,
      nextOffset: offset + 1,
    })
  }
  task.process(values.length)
  return written
}

test('a partitioner chooses one partition, several, none, or leaves it to the key', () => {
  const choices: Record<string, number | number[] | undefined> = {
    one: 2,
    many: [0, 2],
    none: [],
    key: undefined,
  }
  assert.deepEqual(
    partitionsOf(
      stream => stream.to(fast, { partition: value => choices[value] }),
      ['one', 'many', 'none', 'key'],
    ),
    [
      ['fast one', 2],
      ['fast many', 0],
      ['fast many', 2],
      ['fast key', 'by key'],
    ],
  )
})

test('a partitioner is told the key and how many partitions the chosen topic has', () => {
  assert.deepEqual(
    partitionsOf(
      stream =>
        stream.to(value => value, {
          topics: [fast, slow],
          partition: (_value, key, numPartitions) => numPartitions - key.length,
        }),
      ['fast', 'slow'],
    ),
    [
      ['fast fast', 2],
      ['slow slow', 4],
    ],
  )
})

test('a partition that the topic does not have is a failure of the record', () => {
  for (const partition of [3, -1, 0.5, NaN, [0, 3]]) {
    assert.throws(() => partitionsOf(stream => stream.to(fast, { partition: () => partition }), ['v']), {
      code: 'TASK_FAILED',
      message: /The partitioner chose the partition .*: the topic has the partitions 0 to 2\./,
    })
  }
})

test('a multicast record is written with its own time, headers and key each time', () => {
  const builder = new StreamsBuilder()
  builder.stream(input).to(fast, { partition: () => [0, 0] })
  const driver = testDriver(builder)
  const headers = [{ key: 'h', value: Buffer.from('1') }]
  driver.send(input, { key: 'k', value: 'v', timestamp: 9, headers })
  const record = { key: 'k', value: 'v', timestamp: 9, headers }
  assert.deepEqual(driver.read(fast), [record, record])
})
