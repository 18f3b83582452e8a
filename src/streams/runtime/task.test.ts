import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../contracts/codecs.ts'
import { topic } from '../../contracts/topic.ts'
import { EvertError } from '../../errors.ts'
import { RecordBatch } from '../../records/record-batch.ts'
import { RecordBatchBuilder } from '../../records/record-batch-builder.ts'
import { stampOffsets } from '../../records/record-batch.ts'
import { StreamsBuilder } from '../dsl/streams-builder.ts'
import type { KeyValueStore, StoredValue } from '../state/store.ts'
import type { ErrorPolicy } from '../processors/error-policy.ts'
import { TaskCounts } from './record-counts.ts'
import { Task } from './task.ts'

const text = (name: string) => topic(name, { key: string, value: string })

/** `[timestamp, key, value]` */
type Entry = readonly [number, string | null, string | null]

function batchAt(baseOffset: number, ...entries: Entry[]): RecordBatch {
  const builder = new RecordBatchBuilder()
  for (const [timestamp, key, value] of entries) {
    builder.append(
      timestamp,
      key === null ? null : Buffer.from(key),
      value === null ? null : Buffer.from(value),
      [],
    )
  }
  const bytes = builder.build()
  stampOffsets(bytes, baseOffset, 0)
  return RecordBatch.at(bytes)
}

function memoryStore(): KeyValueStore<unknown> & { rows: Map<string, StoredValue<unknown>> } {
  const rows = new Map<string, StoredValue<unknown>>()
  return {
    name: 'memory',
    rows,
    get: key => rows.get(key),
    put(key, value, timestamp) {
      if (value === null) rows.delete(key)
      else rows.set(key, { value, timestamp })
    },
    range: () => rows,
  }
}

function taskOf(define: (builder: StreamsBuilder) => void, onError: ErrorPolicy = 'fail') {
  const builder = new StreamsBuilder()
  define(builder)
  const [subTopology] = builder.build('app').subTopologies
  assert.ok(subTopology !== undefined)
  const written: { topic: string; timestamp: number; key?: string; value?: string; headers: string[] }[] = []
  const stores = new Map(subTopology.stores.map(({ name }) => [name, memoryStore()]))
  const counts = new TaskCounts()
  const task = new Task({
    subTopology,
    partition: 2,
    applicationId: 'app',
    onError,
    counts,
    stores: { keyValue: <V>(name: string) => stores.get(name) as unknown as KeyValueStore<V> },
    collector: {
      collect(topic, _partition, timestamp, key, value, headers) {
        written.push({
          topic,
          timestamp,
          ...(key === null ? {} : { key: key.toString() }),
          ...(value === null ? {} : { value: value.toString() }),
          headers: headers.map(header => `${header.key}=${header.value?.toString()}`),
        })
      },
    },
  })
  const enqueue = (topic: string, batches: RecordBatch[], fromOffset: number, nextOffset: number) =>
    task.enqueue({ topic, partition: 2, batches, fromOffset, nextOffset })
  return { task, written, stores, enqueue, counts }
}

test('the partition whose next record is oldest goes first, offsets keep their order', () => {
  const { task, written, enqueue } = taskOf(builder =>
    builder
      .stream(text('a'))
      .merge(builder.stream(text('b')))
      .to(text('out')),
  )
  enqueue('a', [batchAt(0, [10, 'k', 'a10'], [5, 'k', 'a5'], [30, 'k', 'a30'])], 0, 3)
  enqueue('b', [batchAt(0, [20, 'k', 'b20'], [25, 'k', 'b25'])], 0, 2)
  assert.equal(task.buffered, 5)
  assert.equal(task.process(100), 5)
  assert.deepEqual(
    written.map(record => record.value),
    ['a10', 'a5', 'b20', 'b25', 'a30'],
  )
  assert.equal(task.streamTime, 30)
  assert.equal(task.id, '0_2')
})

test('positions follow the records that were processed, then the end of the fetch', () => {
  const { task, enqueue } = taskOf(builder => builder.stream(text('a')).to(text('out')))
  assert.deepEqual(task.positions(), [])
  enqueue('a', [batchAt(10, [1, 'k', 'x'], [2, 'k', 'y']), batchAt(20, [3, 'k', 'z'])], 11, 25)
  assert.equal(task.buffered, 2, 'records below the position are passed over')
  assert.deepEqual(task.positions(), [{ topic: 'a', partition: 2, offset: 11 }])
  assert.equal(task.process(1), 1)
  assert.deepEqual(task.positions(), [{ topic: 'a', partition: 2, offset: 12 }])
  assert.equal(task.process(1), 1)
  assert.deepEqual(task.positions(), [{ topic: 'a', partition: 2, offset: 25 }])
  assert.equal(task.process(1), 0)
})

test('a fetch that begins within a batch repeats nothing, whatever still waits', () => {
  const { task, written, enqueue } = taskOf(builder => builder.stream(text('a')).to(text('out')))
  const batch = batchAt(0, [1, 'k', 'x'], [2, 'k', 'y'], [3, 'k', 'z'])
  enqueue('a', [batch], 0, 2)
  enqueue('a', [batchAt(2, [3, 'k', 'z'], [4, 'k', 'q'])], 3, 4)
  assert.equal(task.buffered, 4)
  assert.equal(task.process(100), 4)
  assert.deepEqual(
    written.map(record => record.value),
    ['x', 'y', 'z', 'q'],
  )
})

test('a fetch without records moves the position', () => {
  const { task, enqueue } = taskOf(builder => builder.stream(text('a')).to(text('out')))
  enqueue('a', [], 4, 9)
  assert.deepEqual(task.positions(), [{ topic: 'a', partition: 2, offset: 9 }])
})

const refusesBad = (builder: StreamsBuilder) => {
  const counted = builder.stream(text('a')).groupByKey()
  const seen = counted.aggregate(
    () => '',
    (row, value) => row + value,
    { value: string, store: 'seen' },
  )
  const passed = seen.toStream()
  passed.to(text('early'))
  passed
    .map(
      value => {
        if (value.endsWith('bad')) throw new Error('no bad values')
        return value
      },
      { value: string, name: 'check' },
    )
    .to(text('late'))
}

test('a record that fails stops the task and names topic, partition, offset and node', () => {
  const { task, enqueue } = taskOf(refusesBad)
  enqueue('a', [batchAt(7, [1, 'k', 'good'], [2, 'k', 'bad'], [3, 'k', 'x'])], 7, 10)
  const failure = {
    code: 'TASK_FAILED',
    message: /Task 0_2 stopped at a-2, offset 8, in node check: no bad values/,
  }
  assert.throws(() => task.process(10), failure)
  assert.throws(() => task.process(10), failure, 'and it stays stopped')
})

test('a skipped record leaves no outputs and no state behind', () => {
  const { task, written, stores, enqueue, counts } = taskOf(refusesBad, 'skip')
  enqueue('a', [batchAt(7, [1, 'k', 'good'], [2, 'k', 'bad'], [3, 'k', '!'])], 7, 10)
  assert.equal(task.process(10), 3)
  assert.deepEqual(
    written.map(({ topic, value }) => `${topic}:${value}`),
    ['early:good', 'late:good', 'early:good!', 'late:good!'],
  )
  assert.deepEqual(stores.get('seen')?.rows.get('k'), { value: 'good!', timestamp: 3 })
  assert.deepEqual(counts.dropped(task.id), [
    { task: '0_2', operator: 'check', reason: 'processing', count: 1 },
  ])
  assert.deepEqual(task.positions(), [{ topic: 'a', partition: 2, offset: 10 }])
})

test('a dead letter is the raw record with what went wrong', () => {
  const { task, written, enqueue } = taskOf(
    builder =>
      builder
        .stream(text('a'))
        .filter(value => value !== '', { name: 'check' })
        .to(text('out')),
    { deadLetter: 'dead' },
  )
  const builder = new RecordBatchBuilder()
  builder.append(5, Buffer.from('k'), Buffer.from([0xff]), [{ key: 'trace', value: Buffer.from('1') }])
  enqueue('a', [RecordBatch.at(builder.build())], 0, 1)
  assert.equal(task.process(1), 1)
  assert.equal(written.length, 1)
  const [{ topic, timestamp, key, headers }] = written as [(typeof written)[0]]
  assert.deepEqual({ topic, timestamp, key }, { topic: 'dead', timestamp: 5, key: 'k' })
  assert.deepEqual(
    headers.filter(header => !/^__streams.errors.(message|stacktrace)=/.test(header)),
    [
      'trace=1',
      '__streams.errors.exception=InvalidValueError',
      '__streams.errors.topic=a',
      '__streams.errors.partition=2',
      '__streams.errors.offset=0',
      '__streams.errors.code=INVALID_VALUE',
      '__streams.errors.kind=deserialization',
      '__streams.errors.node=check',
      '__streams.errors.task=0_2',
      '__streams.errors.application=app',
      '__streams.errors.timestamp=5',
    ],
  )
})

test('a record without key or value is dropped from an aggregate and counted', () => {
  const { task, enqueue, counts } = taskOf(
    builder => void builder.stream(text('a')).groupByKey().count({ name: 'n' }),
  )
  enqueue('a', [batchAt(0, [1, null, 'x'], [2, 'k', null], [3, 'k', 'x'])], 0, 3)
  task.process(3)
  assert.deepEqual(
    counts.dropped(task.id).map(({ operator, reason, count }) => [operator, reason, count]),
    [
      ['n', 'null-key', 1],
      ['n', 'null-value', 1],
    ],
  )
})

test('records behind the stream time of the task are counted, and processed', () => {
  const { task, written, enqueue, counts } = taskOf(builder =>
    builder.stream(text('a'), { name: 'read' }).to(text('out')),
  )
  enqueue('a', [batchAt(0, [5, 'k', 'x'], [3, 'k', 'y'], [5, 'k', 'z'], [4, 'k', 'u'])], 0, 4)
  task.process(4)
  assert.equal(written.length, 4)
  assert.deepEqual(counts.outOfOrder(task.id), [{ task: '0_2', operator: 'read', count: 2 }])
  assert.deepEqual(counts.dropped(task.id), [])
})

test('a record that does not decode is told from one that a function refuses', () => {
  const { task, enqueue, counts } = taskOf(
    builder => builder.stream(text('a')).filter(isGood, { name: 'check' }).to(text('out')),
    'skip',
  )
  const builder = new RecordBatchBuilder()
  builder.append(1, Buffer.from('k'), Buffer.from([0xff]), [])
  builder.append(2, Buffer.from('k'), Buffer.from('bad'), [])
  enqueue('a', [RecordBatch.at(builder.build())], 0, 2)
  task.process(2)
  assert.deepEqual(counts.dropped(task.id), [
    { task: '0_2', operator: 'check', reason: 'deserialization', count: 1 },
    { task: '0_2', operator: 'check', reason: 'processing', count: 1 },
  ])
})

function isGood(value: string): boolean {
  if (value === 'bad') throw new Error('no bad values')
  return true
}

test('a negative timestamp is refused', () => {
  const { task, enqueue } = taskOf(builder => builder.stream(text('a')).to(text('out')))
  enqueue('a', [batchAt(0, [-1, 'k', 'x'])], 0, 1)
  assert.throws(() => task.process(1), { code: 'TASK_FAILED', message: /timestamp is negative: -1/ })
})

test('a fault of the producer is passed on and skips no record', () => {
  for (const onError of ['fail', 'skip', { deadLetter: 'dead' }] as const) {
    const builder = new StreamsBuilder()
    builder.stream(text('a')).to(text('out'))
    const [subTopology] = builder.build('app').subTopologies
    assert.ok(subTopology !== undefined)
    const collect = () => {
      throw new EvertError('TASK_MIGRATED', 'fenced')
    }
    const stores = { keyValue: () => assert.fail('there is no store') }
    const task = new Task({ subTopology, partition: 0, onError, stores, collector: { collect } })
    task.enqueue({
      topic: 'a',
      partition: 0,
      batches: [batchAt(0, [1, 'k', 'x'])],
      fromOffset: 0,
      nextOffset: 1,
    })
    assert.throws(() => task.process(1), { code: 'TASK_MIGRATED' })
    assert.deepEqual(task.positions(), [{ topic: 'a', partition: 0, offset: 0 }])
  }
})

test('a task stops where an input that it waits for has no record, and goes on when one comes', () => {
  const { task, written, enqueue } = taskOf(builder =>
    builder
      .stream(text('a'))
      .merge(builder.stream(text('b')))
      .to(text('out')),
  )
  const values = () => written.splice(0).map(({ value }) => value)
  const waitsForB = (topic: string) => topic === 'b'
  enqueue('a', [batchAt(0, [1, 'k', 'a1'], [5, 'k', 'a5'], [9, 'k', 'a9'])], 0, 3)
  assert.equal(task.process(100, waitsForB), 0)
  enqueue('b', [batchAt(0, [4, 'k', 'b4'], [6, 'k', 'b6'])], 0, 2)
  assert.equal(task.process(100, waitsForB), 4)
  assert.deepEqual(values(), ['a1', 'b4', 'a5', 'b6'])
  assert.equal(task.buffered, 1)
  assert.equal(
    task.process(100, () => false),
    1,
  )
  assert.deepEqual(values(), ['a9'])
})
