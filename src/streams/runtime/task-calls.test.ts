import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../contracts/codecs.ts'
import { topic } from '../../contracts/topic.ts'
import { EvertError, isEvertError } from '../../errors.ts'
import { RecordBatchBuilder } from '../../records/record-batch-builder.ts'
import { RecordBatch, stampOffsets } from '../../records/record-batch.ts'
import type { MapAsyncOptions } from '../dsl/map-async.ts'
import { StreamsBuilder } from '../dsl/streams-builder.ts'
import type { SubTopology } from '../graph/topology.ts'
import type { AsyncCall } from '../processors/async-call.ts'
import { MemoryEngine } from '../state/memory.ts'
import { TaskStores } from '../state/task-stores.ts'
import { TaskCounts } from './record-counts.ts'
import type { ErrorPolicy } from '../processors/error-policy.ts'
import { Task } from './task.ts'

const ins = topic('in', { key: string, value: string })
const outs = topic('out', { key: string, value: string })

/** `key=value` per record, from offset 0 on. */
function batchOf(...records: string[]): RecordBatch {
  const builder = new RecordBatchBuilder()
  for (const [index, record] of records.entries()) {
    const [key, value] = record.split('=') as [string, string]
    builder.append(100 + index, key === '' ? null : Buffer.from(key), Buffer.from(value), [])
  }
  const bytes = builder.build()
  stampOffsets(bytes, 0, 0)
  return RecordBatch.at(bytes)
}

function openStores({ stores: definitions }: SubTopology): TaskStores {
  const stores = new TaskStores(new MemoryEngine().openTask('0_0'))
  for (const { name, value } of definitions) stores.open({ name, value, changelog: undefined })
  return stores
}

/** What a task finds that is restored: bytes. */
function committed(stores: TaskStores): TaskStores {
  stores.writeChangelog({ collect: () => {} })
  stores.commit({})
  stores.abort()
  return stores
}

interface Setup {
  readonly options?: MapAsyncOptions<string>
  readonly onError?: ErrorPolicy
  readonly stores?: TaskStores
}

function taskOf({ options = {}, onError = 'fail', ...setup }: Setup = {}) {
  const builder = new StreamsBuilder()
  builder
    .stream(ins)
    .mapAsync(async value => value, { name: 'call', value: string, ...options })
    .to(outs)
  const [subTopology] = builder.build('app').subTopologies
  assert.ok(subTopology !== undefined)
  const stores = setup.stores ?? openStores(subTopology)
  const written: string[] = []
  const counts = new TaskCounts()
  const task = new Task({
    subTopology,
    partition: 0,
    onError,
    stores,
    counts,
    collector: {
      collect: (_topic, _partition, timestamp, key, value) =>
        written.push(`${timestamp} ${key?.toString() ?? ''}=${value?.toString()}`),
    },
  })
  const enqueue = (...records: string[]) =>
    task.enqueue({
      topic: 'in',
      partition: 0,
      batches: [batchOf(...records)],
      fromOffset: 0,
      nextOffset: records.length,
    })
  return { task, written, stores, counts, enqueue }
}

const fulfilled = (value: unknown) => ({ status: 'fulfilled' as const, value })
const rejected = (reason: unknown) => ({ status: 'rejected' as const, reason })
const recordsOf = (calls: readonly AsyncCall[]) =>
  calls.map(({ record }) => `${record.key?.toString() ?? ''}=${record.value?.toString()}`)

test('keys overtake each other, records of one key do not', () => {
  const { task, written, enqueue } = taskOf()
  enqueue('a=1', 'a=2', 'b=3', '=4')
  assert.equal(task.process(10), 4)
  const [a1, b3, none4] = task.calls.take() as [AsyncCall, AsyncCall, AsyncCall]
  assert.deepEqual(recordsOf([a1, b3, none4]), ['a=1', 'b=3', '=4'])
  assert.deepEqual(task.calls.take(), [], 'each is given once')
  task.complete(none4, fulfilled('four'))
  task.complete(b3, fulfilled('three'))
  assert.deepEqual(task.calls.take(), [], 'a waits for its first')
  task.complete(a1, fulfilled('one'))
  const [a2] = task.calls.take() as [AsyncCall]
  task.complete(a2, fulfilled('two'))
  assert.deepEqual(written, ['103 =four', '102 b=three', '100 a=one', '101 a=two'])
  assert.equal(task.calls.pending, 0)
})

test('positions pass records that are pending', () => {
  const { task, enqueue } = taskOf()
  enqueue('a=1', 'b=2')
  task.process(10)
  assert.deepEqual(task.positions(), [{ topic: 'in', partition: 0, offset: 2 }])
  assert.equal(task.calls.pending, 2)
})

test('it stops taking records while it holds as many as it may, and goes on after a result', () => {
  const { task, enqueue } = taskOf({ options: { concurrency: 1, maxPending: 3 } })
  enqueue('a=1', 'b=2', 'c=3', 'd=4', 'e=5')
  assert.equal(task.process(10), 3)
  assert.equal(task.calls.areFull, true)
  const calls = task.calls.take()
  assert.deepEqual(recordsOf(calls), ['a=1'])
  assert.equal(task.process(10), 0)
  task.complete(calls[0] as AsyncCall, fulfilled('x'))
  assert.equal(task.calls.areFull, false)
  assert.equal(task.process(10), 1)
  assert.deepEqual(recordsOf(task.calls.take()), ['b=2'])
})

test('a task that is made over the same stores calls again for what has no result, in order', () => {
  const before = taskOf()
  before.enqueue('a=1', 'b=2', 'a=3', 'a=4')
  before.task.process(10)
  const [a1, b2] = before.task.calls.take() as [AsyncCall, AsyncCall]
  before.task.complete(a1, fulfilled('one'))
  assert.deepEqual(recordsOf([...before.task.calls.take(), b2]), ['a=3', 'b=2'])

  const { task, written } = taskOf({ stores: committed(before.stores) })
  assert.equal(task.calls.pending, 3)
  const [again2, again3] = task.calls.take() as [AsyncCall, AsyncCall]
  assert.deepEqual(recordsOf([again2, again3]), ['b=2', 'a=3'])
  task.complete(again3, fulfilled('three'))
  const [a4] = task.calls.take() as [AsyncCall]
  task.complete(a4, fulfilled('four'))
  task.complete(again2, fulfilled('two'))
  assert.deepEqual(written, ['102 a=three', '103 a=four', '101 b=two'])
})

test('records that come after a restart queue behind those of before', () => {
  const before = taskOf()
  before.enqueue('a=1')
  before.task.process(10)
  const { task, enqueue } = taskOf({ stores: committed(before.stores) })
  enqueue('a=2')
  task.process(10)
  const [a1] = task.calls.take() as [AsyncCall]
  assert.deepEqual(recordsOf([a1]), ['a=1'])
  task.complete(a1, fulfilled('x'))
  assert.deepEqual(recordsOf(task.calls.take()), ['a=2'])
})

test('a rejected call stops the task and names record and operator; the record stays pending', () => {
  const { task, stores, enqueue } = taskOf()
  enqueue('a=1')
  task.process(10)
  const [call] = task.calls.take() as [AsyncCall]
  const isFailure = (error: unknown) =>
    isEvertError(error, 'TASK_FAILED') &&
    error.message.includes('of in-0, offset 0, in node call: no.') &&
    error.cause === cause
  const cause = new Error('no')
  assert.throws(() => task.complete(call, rejected(cause)), isFailure)
  assert.throws(() => task.process(1), isFailure, 'it is of no more use')
  assert.equal([...stores.keyValue('call-pending').range()].length, 1)
})

test('any reason of a rejection is a fault of the record, also an error of this library', () => {
  const { task, counts, enqueue } = taskOf({ onError: 'skip' })
  enqueue('a=1', 'a=2')
  task.process(10)
  for (const code of ['TIMEOUT', 'CONNECTION'] as const) {
    const [call] = task.calls.take() as [AsyncCall]
    task.complete(call, rejected(new EvertError(code, 'The service is away.')))
  }
  assert.deepEqual(counts.dropped('0_0'), [{ task: '0_0', operator: 'call', reason: 'processing', count: 2 }])
  assert.equal(task.calls.pending, 0)
})
