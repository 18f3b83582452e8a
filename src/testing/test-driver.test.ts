import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, string } from '../contracts/codecs.ts'
import { json } from '../contracts/json.ts'
import { topic } from '../contracts/topic.ts'
import { StreamsBuilder } from '../streams/dsl/streams-builder.ts'
import type { StoredRow } from './stored-rows.ts'
import { testDriver } from './test-driver.ts'

const text = (name: string) => topic(name, { key: string, value: string })
const counts = topic('counts', { key: string, value: int64 })
const documents = topic('documents', { key: string, value: json() })

test('a topology runs without a log and its stores can be read', () => {
  const builder = new StreamsBuilder()
  const words = builder.stream(text('lines')).flatMap(line => line.split(' '), { value: string })
  words
    .groupBy(word => word)
    .count({ store: 'counts' })
    .toStream()
    .to(counts)
  const driver = testDriver(builder)
  driver.send(text('lines'), { key: null, value: 'b a b', timestamp: 5 })
  assert.deepEqual(driver.read(counts), [
    { key: 'b', value: 1, timestamp: 5, headers: [] },
    { key: 'a', value: 1, timestamp: 5, headers: [] },
    { key: 'b', value: 2, timestamp: 5, headers: [] },
  ])
  assert.deepEqual(driver.read(counts), [], 'what was read is gone')
  assert.deepEqual(driver.rows('counts'), [
    { key: 'a', value: 1, timestamp: 5 },
    { key: 'b', value: 2, timestamp: 5 },
  ])
  assert.deepEqual(driver.row('counts', 'b'), { key: 'b', value: 2, timestamp: 5 })
  assert.equal(driver.row('counts', 'z'), undefined)
})

test('the wall clock gives the timestamp of a record that has none', () => {
  const builder = new StreamsBuilder()
  builder.stream(text('in')).to(text('out'))
  const driver = testDriver(builder, { startMs: 100 })
  driver.advanceWallClock(11)
  driver.send(text('in'), { key: 'k', value: 'v', headers: [{ key: 'h', value: Buffer.from('1') }] })
  assert.deepEqual(driver.read(text('out')), [
    { key: 'k', value: 'v', timestamp: 111, headers: [{ key: 'h', value: Buffer.from('1') }] },
  ])
})

test('a topic that is written and read again shows its records and goes on', () => {
  const builder = new StreamsBuilder()
  builder.stream(text('a')).to(text('b'))
  builder.stream(text('b')).to(text('c'))
  const driver = testDriver(builder)
  driver.send(text('a'), { key: 'k', value: 'v', timestamp: 1 })
  assert.deepEqual(driver.writtenTopics, ['b', 'c'])
  const record = { key: 'k', value: 'v', timestamp: 1, headers: [] }
  assert.deepEqual(driver.read(text('b')), [record])
  assert.deepEqual(driver.read(text('c')), [record])
})

test('a function that mutates a value it was given fails', () => {
  const cases: [string, (builder: StreamsBuilder) => void][] = [
    [
      'a decoded value',
      builder =>
        builder
          .stream(documents)
          .peek(document => void ((document as { n: number }).n += 1))
          .to(topic('out', { key: string, value: json() })),
    ],
    [
      'a stored aggregate',
      builder =>
        void builder
          .stream(documents)
          .groupByKey()
          .aggregate(
            () => ({ seen: 0 }),
            aggregate => {
              aggregate.seen++
              return aggregate
            },
          ),
    ],
  ]
  for (const [name, define] of cases) {
    const builder = new StreamsBuilder()
    define(builder)
    const driver = testDriver(builder)
    assert.throws(
      () => {
        driver.send(documents, { key: 'k', value: { n: 1 }, timestamp: 1 })
        driver.send(documents, { key: 'k', value: { n: 1 }, timestamp: 2 })
      },
      { code: 'TASK_FAILED', message: /read only property/ },
      name,
    )
  }
})

test('the rows of a view are read by the view, whatever its store is named', () => {
  const builder = new StreamsBuilder()
  const table = builder.table(text('in'), { store: 'rows' })
  const view = table.view('names')
  const lengths = table.map(name => name.length, { value: int64 }).view('lengths')
  const driver = testDriver(builder)
  driver.send(text('in'), { key: 'b', value: 'two', timestamp: 2 })
  driver.send(text('in'), { key: 'a', value: 'ones', timestamp: 1 })
  const rows: StoredRow<string, number>[] = driver.rows(lengths)
  assert.deepEqual(rows, [
    { key: 'a', value: 4, timestamp: 1 },
    { key: 'b', value: 3, timestamp: 2 },
  ])
  const value: string | undefined = driver.row(view, 'b')?.value
  assert.equal(value, 'two')
  assert.equal(driver.row(view, 'c'), undefined)
  assert.throws(() => driver.rows(new StreamsBuilder().table(text('in')).view('other')), {
    code: 'INVALID_ARGUMENT',
    message: /view "other" is not of this topology\. It has names, lengths\./,
  })
})

test('unknown topics and stores are named', () => {
  const builder = new StreamsBuilder()
  builder.table(text('in'), { store: 'rows' })
  const driver = testDriver(builder)
  assert.throws(
    () => driver.send(text('x'), { key: 'k', value: 'v' }),
    /does not read the topic "x". It reads in\./,
  )
  assert.throws(() => driver.rows('x'), /has no store "x". It has rows\./)
})

test('an error policy that is none is refused, as by an application', () => {
  const builder = new StreamsBuilder()
  builder.stream(text('in')).to(text('out'))
  for (const [onError, found] of [
    ['skipp', '"skipp"'],
    [{ procesing: 'skip' }, 'an object'],
    [{ deadLetter: '' }, 'an object'],
    [{}, 'an object'],
    [null, 'null'],
  ] as const) {
    assert.throws(() => testDriver(builder, { onError: onError as never }), {
      code: 'INVALID_ARGUMENT',
      message: `The option onError is "fail", "skip" or { deadLetter: TOPIC }, a function, or one of these for each of deserialization, processing and production; not ${found}.`,
    })
  }
})
