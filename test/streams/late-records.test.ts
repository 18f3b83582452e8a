import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, string } from '../../src/contracts/codecs.ts'
import { type Topic, topic } from '../../src/contracts/topic.ts'
import type { KGroupedStream } from '../../src/streams/dsl/kgrouped-stream.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { hopping, sessions, sliding, tumbling } from '../../src/streams/processors/windows.ts'
import { type TestDriver, testDriver } from '../../src/testing/test-driver.ts'

const input = topic('in', { key: string, value: string })
const other = topic('other', { key: string, value: string })
const output = topic('out', { key: string, value: string })
const late = topic('late', { key: string, value: string })

function headersOf(headers: readonly { key: string; value: Buffer | null }[]): string[] {
  return headers.map(({ key, value }) => `${key.replace('__streams.late.', '')}=${String(value)}`)
}

function lateOf(driver: TestDriver, from: Topic<string, string> = late) {
  return driver
    .read(from)
    .map(({ key, value, timestamp, headers }) => [`${key}=${value}@${timestamp}`, ...headersOf(headers)])
}

const within = { beforeMs: 10, afterMs: 20, graceMs: 5 }

test('a record too late for its window goes to the side topic as it came, with what it missed', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .groupByKey()
    .windowedBy(tumbling({ sizeMs: 10, graceMs: 0 }), { lateTo: late })
    .count({ name: 'per-window' })
    .toStream()
    .selectKey((_count, { key, start }) => `${key}@${start}`)
    .map(String, { value: string })
    .to(output)
  const driver = testDriver(builder)
  driver.send(input, { key: 'k', value: 'a', timestamp: 25 })
  driver.send(input, {
    key: 'k',
    value: 'b',
    timestamp: 13,
    headers: [{ key: 'trace', value: Buffer.from('7') }],
  })
  driver.send(input, { key: 'k', value: 'c', timestamp: 26 })
  assert.deepEqual(lateOf(driver), [
    [
      'k=b@13',
      'trace=7',
      'operator=per-window',
      'window-start=10',
      'window-end=20',
      'stream-time=25',
      'topic=in',
      'partition=0',
      'offset=1',
    ],
  ])
  assert.deepEqual(
    driver.read(output).map(({ key, value }) => `${key}=${value}`),
    ['k@20=1', 'k@20=2'],
  )
  assert.deepEqual(driver.dropped(), [{ task: '0_0', operator: 'per-window', reason: 'late', count: 1 }])
})

interface WindowCase {
  readonly name: string
  readonly count: (grouped: KGroupedStream<string, string>) => unknown
  /** Of a record at 20 after one at 50. */
  readonly missed: readonly string[]
  readonly dropped: number
}

const options = { lateTo: late }
const cases: readonly WindowCase[] = [
  {
    name: 'hopping windows: once, with the first of those that it missed',
    count: grouped => grouped.windowedBy(hopping({ sizeMs: 20, advanceMs: 5, graceMs: 15 }), options).count(),
    // Those that end at 25, 30 and 35 are closed; the one that ends at 40 is open.
    missed: ['window-start=5', 'window-end=25'],
    dropped: 3,
  },
  {
    name: 'sliding windows',
    count: grouped => grouped.windowedBy(sliding({ timeDifferenceMs: 10, graceMs: 0 }), options).count(),
    missed: ['window-start=20', 'window-end=30'],
    dropped: 1,
  },
  {
    name: 'sessions',
    count: grouped => grouped.sessions(sessions({ gapMs: 10, graceMs: 0 }), options).count(),
    missed: ['window-start=20', 'window-end=20'],
    dropped: 1,
  },
]

for (const { name, count, missed, dropped } of cases) {
  test(`late records of ${name}`, () => {
    const builder = new StreamsBuilder()
    count(builder.stream(input).groupByKey())
    const driver = testDriver(builder)
    driver.send(input, { key: 'k', value: 'a', timestamp: 50 })
    driver.send(input, { key: 'k', value: 'b', timestamp: 20 })
    const [record, ...more] = lateOf(driver)
    assert.deepEqual(more, [])
    assert.equal(record?.[0], 'k=b@20')
    assert.deepEqual(
      record.filter(header => header.startsWith('window')),
      missed,
    )
    assert.deepEqual(
      driver.dropped().map(({ reason, count }) => [reason, count]),
      [['late', dropped]],
    )
  })
}

test('records that are too old for a join go to the topic of their side', () => {
  const lateRight = topic('late-right', { key: string, value: string })
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .join(builder.stream(other), (a, b) => a + b, {
      within,
      lateTo: { left: late, right: lateRight },
      name: 'pairs',
      value: string,
    })
    .to(output)
  const driver = testDriver(builder)
  driver.send(input, { key: 'k', value: 'a', timestamp: 100 })
  driver.send(other, { key: 'k', value: 'b', timestamp: 100 })
  driver.send(input, { key: 'k', value: 'old a', timestamp: 10 })
  driver.send(other, { key: 'k', value: 'old b', timestamp: 10 })
  driver.send(input, { key: 'k', value: 'a in time', timestamp: 90 })
  assert.deepEqual(
    driver.read(output).map(({ value }) => value),
    ['ab', 'a in timeb'],
  )
  const rest = ['topic=in', 'partition=0', 'offset=1']
  assert.deepEqual(lateOf(driver), [
    [
      'k=old a@10',
      'operator=pairs-this-windowed',
      'window-start=0',
      'window-end=30',
      'stream-time=100',
      ...rest,
    ],
  ])
  assert.deepEqual(lateOf(driver, lateRight)[0]?.slice(0, 4), [
    'k=old b@10',
    'operator=pairs-other-windowed',
    'window-start=-10',
    'window-end=20',
  ])
  assert.deepEqual(
    driver.dropped().map(({ reason, count }) => [reason, count]),
    [
      ['expired', 1],
      ['expired', 1],
    ],
  )
})

test('a stream joined with itself has one topic for what is too old', () => {
  const builder = new StreamsBuilder()
  const stream = builder.stream(input)
  stream.join(stream, (a, b) => a + b, { within, lateTo: { left: late }, value: string }).to(output)
  const driver = testDriver(builder)
  driver.send(input, { key: 'k', value: 'a', timestamp: 100 })
  driver.send(input, { key: 'k', value: 'b', timestamp: 10 })
  assert.deepEqual(
    driver.read(output).map(({ value }) => value),
    ['aa'],
  )
  assert.equal(lateOf(driver)[0]?.[0], 'k=b@10')
})

test('a side topic is written with codecs of its own, and made if it is missing', () => {
  const tagged = topic('tagged', {
    key: string,
    value: {
      name: 'tagged',
      encode: (value: string) => Buffer.from(`<${value}>`),
      decode: (bytes: Buffer) => bytes.toString(),
    },
  })
  const builder = new StreamsBuilder()
  builder
    .stream(topic('numbers', { key: string, value: int64 }))
    .map(String, { value: string })
    .groupByKey()
    .windowedBy(tumbling({ sizeMs: 10, graceMs: 0 }), { lateTo: tagged })
    .count()
  const topology = builder.build('app')
  assert.ok(topology.topics.some(({ name }) => name === 'tagged'))
  const driver = testDriver(builder)
  const numbers = topic('numbers', { key: string, value: int64 })
  driver.send(numbers, { key: 'k', value: 1, timestamp: 25 })
  driver.send(numbers, { key: 'k', value: 2, timestamp: 5 })
  assert.deepEqual(
    driver.read(tagged).map(({ value }) => value),
    ['<2>'],
  )
})
