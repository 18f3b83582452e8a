import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Codec } from '../../src/contracts/codec.ts'
import { string } from '../../src/contracts/codecs.ts'
import { json } from '../../src/contracts/json.ts'
import { topic } from '../../src/contracts/topic.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { TimestampExtractor } from '../../src/streams/processors/timestamp-extractor.ts'
import { readTimes, writeTimes } from '../../src/streams/runtime/committed-times.ts'
import { Task } from '../../src/streams/runtime/task.ts'
import type { ErrorPolicy } from '../../src/streams/processors/error-policy.ts'
import { singleRecord } from '../../src/testing/single-record.ts'
import { testDriver } from '../../src/testing/test-driver.ts'

interface Reading {
  at: number | string
}

const reading = json() as Codec<unknown> as Codec<Reading>
const input = topic('in', { key: string, value: reading })
const other = topic('other', { key: string, value: string })
const output = topic('out', { key: string, value: reading })

interface Case {
  readonly name: string
  readonly timestamp: TimestampExtractor<string, Reading> | undefined
  readonly onError?: ErrorPolicy
  /** Timestamp of each record; its value says when it was really. */
  readonly sent: readonly (readonly [timestamp: number, at: number | string])[]
  readonly timestamps: readonly number[]
  readonly dropped?: Readonly<Record<string, number>>
  readonly fails?: RegExp
}

const source = 'KSTREAM-SOURCE-0000000000'
const byValue: TimestampExtractor<string, Reading> = value => value.at as number

const cases: Case[] = [
  {
    name: 'a function stamps records, and its negative results drop them',
    timestamp: byValue,
    sent: [
      [1, 50],
      [2, -1],
      [3, 40],
      [-5, 60],
    ],
    timestamps: [50, 40, 60],
    dropped: { [`${source}: invalid-timestamp`]: 1 },
  },
  {
    name: 'a function is given the record time, the key and the time of the partition',
    timestamp: (value, key, recordTimestamp, partitionTime) =>
      value.at === 'drop' ? -1 : key.length * 1_000 + recordTimestamp * 100 + partitionTime,
    sent: [
      [1, ''],
      [2, 'drop'],
      [2, ''],
      [-30, ''],
      [0, ''],
    ],
    timestamps: [1_099, 2_299, 299, 3_299],
    dropped: { [`${source}: invalid-timestamp`]: 1 },
  },
  {
    name: 'a negative timestamp fails by default',
    timestamp: undefined,
    sent: [
      [3, 0],
      [-1, 0],
    ],
    timestamps: [3],
    fails: /in-0, offset 1, in node KSTREAM-SOURCE-0000000000: Its timestamp is negative: -1/,
  },
  {
    name: 'skipInvalid drops and counts',
    timestamp: 'skipInvalid',
    sent: [
      [3, 0],
      [-1, 0],
      [-7, 0],
      [2, 0],
    ],
    timestamps: [3, 2],
    dropped: { [`${source}: invalid-timestamp`]: 2 },
  },
  {
    name: 'partitionTimeOnInvalid takes the greatest time so far',
    timestamp: 'partitionTimeOnInvalid',
    sent: [
      [3, 0],
      [9, 0],
      [4, 0],
      [-1, 0],
    ],
    timestamps: [3, 9, 4, 9],
  },
  {
    name: 'partitionTimeOnInvalid fails before there is a time',
    timestamp: 'partitionTimeOnInvalid',
    sent: [[-1, 0]],
    timestamps: [],
    fails: /offset 0, .* negative: -1; and no record of its partition/,
  },
  {
    name: 'wallClock stamps with the wall clock',
    timestamp: 'wallClock',
    sent: [
      [3, 0],
      [-1, 0],
    ],
    timestamps: [1_000, 1_000],
  },
  {
    name: 'a function that throws fails the task',
    timestamp: value => {
      throw new Error(`no time in ${value.at}`)
    },
    sent: [[3, 'x']],
    timestamps: [],
    fails: /in-0, offset 0, in node KSTREAM-SOURCE-0000000000: no time in x/,
  },
  {
    name: 'a function whose result is no time fails the task',
    timestamp: value => Number(value.at),
    sent: [[3, 'x']],
    timestamps: [],
    fails: /The timestamp function returned NaN/,
  },
  {
    name: 'a record that fails in the function is skipped under that policy',
    timestamp: value => Number(value.at),
    onError: 'skip',
    sent: [
      [1, 5],
      [2, 'x'],
      [3, 6],
    ],
    timestamps: [5, 6],
    dropped: { [`${source}: processing`]: 1 },
  },
]

for (const { name, timestamp, onError = 'fail', sent, timestamps, dropped = {}, fails } of cases) {
  test(`timestamps: ${name}`, () => {
    const builder = new StreamsBuilder()
    builder.stream(input, timestamp === undefined ? {} : { timestamp }).to(output)
    const driver = testDriver(builder, { startMs: 1_000, onError })
    const send = () => {
      for (const [at, value] of sent) {
        driver.send(input, { key: 'k', value: { at: value }, timestamp: at })
      }
    }
    if (fails === undefined) send()
    else assert.throws(send, { code: 'TASK_FAILED', message: fails })
    assert.deepEqual(
      driver.read(output).map(each => each.timestamp),
      timestamps,
    )
    assert.deepEqual(
      Object.fromEntries(driver.dropped().map(each => [`${each.operator}: ${each.reason}`, each.count])),
      dropped,
    )
  })
}

/** A task over `in` (its times come from the values) and `other`, with what it wrote. */
function taskOf() {
  const builder = new StreamsBuilder()
  builder
    .stream(input, { timestamp: (value, _key, _time, partitionTime) => Number(value.at || partitionTime) })
    .map(value => String(value.at), { value: string })
    .merge(builder.stream(other))
    .to(topic('texts', { key: string, value: string }))
  const [subTopology] = builder.build('app').subTopologies
  assert.ok(subTopology !== undefined)
  const written: string[] = []
  const task = new Task({
    subTopology,
    partition: 0,
    stores: { keyValue: () => assert.fail('there is no store') },
    collector: {
      collect: (_topic, _partition, timestamp, _key, value) => written.push(`${String(value)}@${timestamp}`),
    },
  })
  const enqueue = (name: string, first: number, ...records: [number, string][]) =>
    task.enqueue({
      topic: name,
      partition: 0,
      batches: records.map(([timestamp, value], i) =>
        singleRecord({
          offset: first + i,
          timestamp,
          key: Buffer.from('k'),
          value: name === 'in' ? input.value.encode({ at: value }) : Buffer.from(value),
          headers: [],
        }),
      ),
      fromOffset: first,
      nextOffset: first + records.length,
    })
  return { task, written, enqueue }
}

test('records take their turn by the timestamp that the function gives', () => {
  const { task, written, enqueue } = taskOf()
  enqueue('in', 0, [900, '10'], [1, '30'])
  enqueue('other', 0, [20, 'b'], [40, 'd'])
  assert.equal(task.process(100), 4)
  assert.deepEqual(written, ['10@10', 'b@20', '30@30', 'd@40'])
  assert.deepEqual([task.streamTime, task.partitionTimeOf('in')], [40, 30])
})

test('the times of a task and its partitions go on after a restart', () => {
  const { task, written, enqueue } = taskOf()
  const before = readTimes(writeTimes({ streamTime: 70, partitionTime: 60 }))
  task.restoreStreamTime(before.streamTime)
  task.restorePartitionTime('in', before.partitionTime)
  enqueue('in', 5, [1, ''], [1, '50'], [1, ''])
  task.process(100)
  assert.deepEqual(written, ['@60', '50@50', '@60'])
  assert.deepEqual([task.streamTime, task.partitionTimeOf('in')], [70, 60])
})

test('committed times are read as they were written, also by older and other writers', () => {
  const texts: [string, number, number][] = [
    [writeTimes({ streamTime: 7, partitionTime: 5 }), 7, 5],
    [writeTimes({ streamTime: 7, partitionTime: -1 }), 7, -1],
    ['stream-time=7', 7, -1],
    ['stream-time=-1', -1, -1],
    ['', -1, -1],
    ['AgAAAXH8PVc=', -1, -1],
    ['stream-time=x partition-time=1.5', -1, -1],
  ]
  for (const [text, streamTime, partitionTime] of texts) {
    assert.deepEqual(readTimes(text), { streamTime, partitionTime }, text)
  }
})

test('one topic has one timestamp', () => {
  const builder = new StreamsBuilder()
  builder.stream(input, { timestamp: byValue })
  builder.stream(input, { timestamp: byValue }).to(output)
  assert.throws(() => builder.stream(input), {
    code: 'INVALID_TOPOLOGY',
    message: /"in" is read twice with different \{ timestamp \}/,
  })
})

test('rows of a table have the timestamps that the function gives, and are logged with them', () => {
  const builder = new StreamsBuilder()
  builder.table(input, { store: 'rows', timestamp: byValue })
  builder.table(other, { store: 'others' })
  const topology = builder.build('app')
  assert.deepEqual(
    topology.subTopologies.flatMap(({ stores }) => stores.map(({ changelog }) => changelog?.topic)),
    ['app-rows-changelog', 'other'],
  )
  const driver = testDriver({ topology: () => topology })
  driver.send(input, { key: 'k', value: { at: 7 }, timestamp: 1 })
  driver.send(input, { key: 'k', value: { at: -7 }, timestamp: 2 })
  assert.deepEqual(driver.rows('rows'), [{ key: 'k', value: { at: 7 }, timestamp: 7 }])
})

test('a versioned table orders its rows by the timestamps that the function gives', () => {
  const builder = new StreamsBuilder()
  builder.versionedTable(input, { store: 'rows', historyRetentionMs: 100, timestamp: byValue })
  const driver = testDriver(builder)
  driver.send(input, { key: 'k', value: { at: 9 }, timestamp: 1 })
  driver.send(input, { key: 'k', value: { at: 8 }, timestamp: 2 })
  assert.deepEqual(driver.rows('rows'), [{ key: 'k', value: { at: 9 }, timestamp: 9 }])
})

test('a tombstone keeps its timestamp and deletes the row', () => {
  const builder = new StreamsBuilder()
  builder.table(input, { store: 'rows', timestamp: byValue })
  const driver = testDriver(builder)
  driver.send(input, { key: 'k', value: { at: 9 }, timestamp: 1 })
  driver.send(input, { key: 'k', value: null, timestamp: 2 })
  assert.deepEqual(driver.rows('rows'), [])
})
