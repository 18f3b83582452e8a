import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, string } from '../contracts/codecs.ts'
import { topic } from '../contracts/topic.ts'
import { isEvertError } from '../errors.ts'
import { keyedTimers } from '../streams/dsl/timers.ts'
import { StreamsBuilder } from '../streams/dsl/streams-builder.ts'
import type { MapAsyncOptions } from '../streams/dsl/map-async.ts'
import { tumbling } from '../streams/processors/windows.ts'
import type { AsyncRecordContext } from '../streams/processors/async-call.ts'
import { type TestDriverOptions, testDriver } from './test-driver.ts'

const text = (name: string) => topic(name, { key: string, value: string })
const [ins, outs, dead] = [text('in'), text('out'), text('dead')]

function driverOf(
  mapper: (value: string, key: string, record: AsyncRecordContext) => Promise<string | null>,
  options: MapAsyncOptions<string> = {},
  driverOptions: TestDriverOptions = {},
) {
  const builder = new StreamsBuilder()
  builder
    .stream(ins)
    .mapAsync(mapper, { value: string, name: 'call', ...options })
    .to(outs)
  const driver = testDriver(builder, driverOptions)
  return {
    driver,
    send: (key: string, value: string, timestamp = 1) => driver.send(ins, { key, value, timestamp }),
    values: () => driver.read(outs).map(({ key, value }) => `${key}=${value}`),
  }
}

test('a result has the key, time and headers of its record', async () => {
  const { driver } = driverOf(async (value, key) => `${key}${value}!`)
  const headers = [{ key: 'h', value: Buffer.from('1') }]
  driver.send(ins, { key: 'k', value: 'v', timestamp: 5, headers })
  assert.deepEqual(driver.read(outs), [], 'nothing before the call')
  assert.equal(driver.rows('call-pending').length, 1)
  await driver.settled()
  assert.deepEqual(driver.read(outs), [{ key: 'k', value: 'kv!', timestamp: 5, headers }])
  assert.deepEqual(driver.rows('call-pending'), [])
})

test('the function sees time, headers and source of its record, and null makes a null value', async () => {
  const seen: unknown[] = []
  const { driver, send } = driverOf(async (_, __, { signal, ...record }) => {
    seen.push({ ...record, isAborted: signal.aborted })
    return null
  })
  send('k', 'v', 9)
  await driver.settled()
  const source = { topic: 'in', partition: 0, offset: 0 }
  assert.deepEqual(seen, [{ timestamp: 9, headers: [], source, isAborted: false }])
  assert.equal(driver.read(outs)[0]?.value, null)
})

test('results go on in the order of the calls, whichever is back first', async () => {
  const back: string[] = []
  let first: (() => void) | undefined
  const { driver, send, values } = driverOf(async value => {
    if (value === '1') await new Promise<void>(resolve => (first = resolve))
    else first?.()
    back.push(value)
    return value
  })
  send('a', '1')
  send('b', '2')
  await driver.settled()
  assert.deepEqual(back, ['2', '1'])
  assert.deepEqual(values(), ['a=1', 'b=2'])
})

test('calls of one key are made one after the other', async () => {
  let underWay = 0
  let most = 0
  const { driver, send, values } = driverOf(async value => {
    most = Math.max(most, ++underWay)
    await Promise.resolve()
    underWay--
    return value
  })
  for (const value of ['1', '2', '3']) send('a', value)
  await driver.settled()
  assert.equal(most, 1)
  assert.deepEqual(values(), ['a=1', 'a=2', 'a=3'])
})

test('no more calls than allowed are under way, and no more records taken than allowed', async () => {
  let underWay = 0
  let most = 0
  const { driver, send, values } = driverOf(
    async value => {
      most = Math.max(most, ++underWay)
      await Promise.resolve()
      underWay--
      return value
    },
    { concurrency: 3, maxPending: 5 },
  )
  for (let i = 0; i < 20; i++) send(`k${i}`, `${i}`)
  assert.equal(driver.rows('call-pending').length, 5)
  await driver.settled()
  assert.equal(most, 3)
  assert.deepEqual(
    values(),
    Array.from({ length: 20 }, (_, i) => `k${i}=${i}`),
  )
})

test('a call that fails is repeated, after pauses that double', async () => {
  const at: number[] = []
  const { driver, send, values } = driverOf(
    async value => {
      at.push(now)
      if (at.length < 4) throw new Error('not yet')
      return value
    },
    { retries: 3, retryBackoffMs: 10 },
  )
  let now = 0
  send('a', '1')
  const settled = driver.settled()
  while (at.length < 4) {
    await new Promise(resolve => setImmediate(resolve))
    now++
    driver.advanceWallClock(1)
  }
  await settled
  assert.deepEqual(values(), ['a=1'])
  const pauses = at.slice(1).map((each, i) => each - (at[i] as number))
  assert.deepEqual(pauses, [10, 20, 40])
})

test('a call that takes too long is aborted and fails its record', async () => {
  let signal: AbortSignal | undefined
  const { driver, send } = driverOf(
    (_, __, record) => {
      signal = record.signal
      return new Promise(() => {})
    },
    { timeoutMs: 50 },
  )
  send('a', '1')
  const settled = driver.settled()
  driver.advanceWallClock(49)
  assert.equal(signal?.aborted, false)
  driver.advanceWallClock(1)
  assert.ok(isEvertError(signal?.reason, 'TIMEOUT'))
  await assert.rejects(
    settled,
    error =>
      isEvertError(error, 'TASK_FAILED') &&
      /in-0, offset 0, in node call: .* within 50 ms/.test(error.message),
  )
})

test('a timer that is not needed any more does not end a later call', async () => {
  const { driver, send, values } = driverOf(async value => value, { timeoutMs: 50 })
  send('a', '1')
  await driver.settled()
  driver.advanceWallClock(60)
  send('a', '2')
  await driver.settled()
  assert.deepEqual(values(), ['a=1', 'a=2'])
})

test('a failed call is skipped under that policy, and the next of its key goes on', async () => {
  const { driver, send, values } = driverOf(
    async value => {
      if (value === 'bad') throw new Error('refused')
      return value
    },
    {},
    { onError: 'skip' },
  )
  for (const value of ['1', 'bad', '2']) send('a', value)
  await driver.settled()
  assert.deepEqual(values(), ['a=1', 'a=2'])
  assert.deepEqual(driver.dropped(), [{ task: '0_0', operator: 'call', reason: 'processing', count: 1 }])
  assert.deepEqual(driver.rows('call-pending'), [])
})

test('a failed call leaves a dead letter that says where its record was read', async () => {
  const { driver, send } = driverOf(
    () => Promise.reject(new Error('no such price')),
    {},
    {
      onError: { deadLetter: 'dead' },
    },
  )
  send('a', '1', 7)
  await driver.settled()
  const [letter] = driver.read(dead)
  assert.equal(letter?.value, '1')
  assert.equal(letter?.timestamp, 7)
  assert.deepEqual(
    letter?.headers
      .filter(({ key }) => !key.endsWith('stacktrace'))
      .map(({ key, value }) => `${key.replace('__streams.errors.', '')}=${value?.toString()}`),
    [
      'exception=Error',
      'message=no such price',
      'topic=in',
      'partition=0',
      'offset=0',
      'kind=processing',
      'node=call',
      'task=0_0',
      'application=test',
      'timestamp=7',
    ],
  )
})

test('what a result causes downstream is undone as a whole when it fails there', async () => {
  const builder = new StreamsBuilder()
  const results = builder.stream(ins).mapAsync(async value => value, { value: string })
  results.groupByKey().count({ store: 'counted' })
  results
    .map(
      value => {
        if (value === 'bad') throw new Error('downstream')
        return value
      },
      { value: string },
    )
    .to(outs)
  const driver = testDriver(builder, { onError: 'skip' })
  for (const value of ['1', 'bad', '2']) driver.send(ins, { key: 'a', value, timestamp: 1 })
  await driver.settled()
  assert.deepEqual(driver.row('counted', 'a')?.value, 2)
})

test('a record whose source record failed elsewhere is not called for', async () => {
  const builder = new StreamsBuilder()
  const called: string[] = []
  const source = builder.stream(ins)
  source
    .mapAsync(
      async value => {
        called.push(value)
        return value
      },
      { value: string },
    )
    .to(outs)
  source.peek(value => {
    if (value === 'bad') throw new Error('the other branch')
  })
  const driver = testDriver(builder, { onError: 'skip' })
  for (const value of ['1', 'bad', '2']) driver.send(ins, { key: 'a', value, timestamp: 1 })
  await driver.settled()
  assert.deepEqual(called, ['1', '2'])
  assert.deepEqual(
    driver.read(outs).map(({ value }) => value),
    ['1', '2'],
  )
})

test('asynchronous operators follow each other, and stores and joins follow them', async () => {
  const builder = new StreamsBuilder()
  const rates = text('rates')
  const table = builder.table(rates)
  builder
    .stream(ins)
    .mapAsync(async value => `${value}+`, { value: string, concurrency: 1, maxPending: 1 })
    .mapAsync(async value => `${value}+`, { value: string, concurrency: 1, maxPending: 1 })
    .join(table, (value, rate) => `${value}${rate}`, { value: string })
    .groupByKey()
    .aggregate<string>(
      () => '',
      (all, value) => all + value,
      { store: 'all', value: string },
    )
  const driver = testDriver(builder)
  driver.send(rates, { key: 'a', value: 'A' })
  driver.send(rates, { key: 'b', value: 'B' })
  for (const value of ['1', '2']) for (const key of ['a', 'b']) driver.send(ins, { key, value })
  await driver.settled()
  assert.deepEqual(
    driver.rows('all').map(({ key, value }) => [key, value]),
    [
      ['a', '1++A2++A'],
      ['b', '1++B2++B'],
    ],
  )
})

test('a timer that a result sets in the past is called at once', async () => {
  const alarms = keyedTimers('alarms', { key: string })
  const builder = new StreamsBuilder()
  builder
    .stream(ins)
    .mapAsync(async value => value, { value: string })
    .process({
      stores: { alarms },
      create: ({ stores, forward }) => {
        stores.alarms.onTimer((key, atMs) => forward(key, `rang ${atMs}`))
        return (_, key, { timestamp }) => stores.alarms.set(key, timestamp + 10)
      },
    })
    .to(outs)
  const driver = testDriver(builder)
  driver.send(ins, { key: 'a', value: '1', timestamp: 100 })
  driver.send(ins, { key: 'b', value: '2', timestamp: 150 })
  await driver.settled()
  assert.deepEqual(
    driver.read(outs).map(({ key, value }) => `${key}=${value}`),
    ['a=rang 110'],
  )
})

test('windows that close when their operator is idle wait for calls under way', async () => {
  const builder = new StreamsBuilder()
  builder
    .stream(ins)
    .mapAsync(async value => value, { value: string })
    .groupByKey()
    .windowedBy(tumbling({ sizeMs: 100, graceMs: 0 }), { emit: 'onWindowClose', closeWhenIdleMs: 60 })
    .reduce((all, value) => all + value)
    .toStream()
    .selectKey((_, { key }) => key)
    .to(outs)
  const driver = testDriver(builder)
  const values = () => driver.read(outs).map(({ value }) => value)
  driver.send(ins, { key: 'k', value: '1', timestamp: 3 })
  await driver.settled()
  driver.send(ins, { key: 'k', value: '2', timestamp: 7 })
  driver.advanceWallClock(1_000)
  assert.deepEqual(values(), [])
  await driver.settled()
  driver.advanceWallClock(1_000)
  assert.deepEqual(values(), ['12'])
})

test('a new key goes through a repartition topic behind the call', async () => {
  const builder = new StreamsBuilder()
  builder
    .stream(ins)
    .mapAsync(async value => value.length, { value: int64 })
    .groupBy(length => `length ${length}`)
    .count({ store: 'lengths' })
  const driver = testDriver(builder)
  for (const value of ['a', 'bb', 'cc']) driver.send(ins, { key: value, value })
  await driver.settled()
  assert.deepEqual(
    driver.rows('lengths').map(({ key, value }) => [key, value]),
    [
      ['length 1', 1],
      ['length 2', 2],
    ],
  )
})

const wrong: [MapAsyncOptions<string>, RegExp][] = [
  [{ concurrency: 0 }, /"call" needs a concurrency that is a whole number of 1 or more; got 0/],
  [{ concurrency: 8, maxPending: 7 }, /maxPending that is a whole number of 8 or more; got 7/],
  [{ timeoutMs: 0 }, /timeoutMs that is a whole number of 1 to 2147483647; got 0/],
  [{ retries: -1 }, /retries/],
  [{ retryBackoffMs: 0.5 }, /retryBackoffMs/],
]
for (const [options, message] of wrong) {
  test(`options that make no sense are refused: ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => driverOf(async value => value, options),
      error => isEvertError(error, 'INVALID_TOPOLOGY') && message.test(error.message),
    )
  })
}
