import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { keyedTimers } from '../../src/streams/dsl/timers.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { type TestDriver, testDriver } from '../../src/testing/test-driver.ts'
import { seededRandom } from '../../src/internal/random.ts'

const input = topic('in', { key: string, value: int64 })
const output = topic('out', { key: string, value: string })

function written(driver: TestDriver): string[] {
  return driver.read(output).map(({ key, value, timestamp }) => `${key}=${value}@${timestamp}`)
}

test('timers by wall clock are called when it reaches them, whatever stream time is', () => {
  const alarms = keyedTimers('alarms', { key: string, time: 'wall' })
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .process({
      stores: { alarms },
      value: string,
      create: ({ stores, forward, nowMs }) => {
        stores.alarms.onTimer((key, atMs) => forward(key, `rang ${atMs}`))
        return (value, key) => stores.alarms.set(key, nowMs() + value)
      },
    })
    .to(output)
  const driver = testDriver(builder, { startMs: 1_000 })
  driver.send(input, { key: 'b', value: 50, timestamp: 7 })
  driver.send(input, { key: 'a', value: 20, timestamp: 999_999 })
  driver.advanceWallClock(19)
  assert.deepEqual(written(driver), [])
  driver.advanceWallClock(1)
  assert.deepEqual(written(driver), ['a=rang 1020@1020'])
  driver.advanceWallClock(1_000)
  assert.deepEqual(written(driver), ['b=rang 1050@1050'])
  driver.advanceWallClock(1_000)
  assert.deepEqual(written(driver), [])
})

test('two processors share timers; the one with the callback is called', () => {
  const shared = keyedTimers('shared', { key: string })
  const builder = new StreamsBuilder()
  const stream = builder.stream(input)
  stream.process({
    stores: { shared },
    create:
      ({ stores }) =>
      (value, key, { timestamp }) =>
        stores.shared.set(key, timestamp + value),
  })
  stream
    .process({
      stores: { shared },
      value: string,
      create: ({ stores, forward }) => {
        stores.shared.onTimer((key, atMs) => forward(key, `due ${stores.shared.get(key)}`, atMs))
        return (_value, key, { timestamp }) => forward(key, `waits ${stores.shared.get(key)}`, timestamp)
      },
    })
    .to(output)
  const driver = testDriver(builder)
  driver.send(input, { key: 'a', value: 5, timestamp: 1 })
  driver.send(input, { key: 'b', value: 5, timestamp: 6 })
  assert.deepEqual(written(driver), ['a=waits 6@1', 'b=waits 11@6', 'a=due undefined@6'])
})

test('a timer whose callback fails is gone, with what it did, under onError: skip; others are called', () => {
  const fragile = keyedTimers('fragile', { key: string })
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .process(
      {
        stores: { fragile },
        value: string,
        create: ({ stores, forward }) => {
          stores.fragile.onTimer(key => {
            forward(key, 'sent')
            stores.fragile.set('left-behind', 1_000)
            if (key === 'bad') throw new Error('no bad timers')
          })
          return (value, key) => stores.fragile.set(key, value)
        },
      },
      { name: 'alarms' },
    )
    .to(output)
  const driver = testDriver(builder, { onError: 'skip' })
  driver.send(input, { key: 'good', value: 20, timestamp: 1 })
  driver.send(input, { key: 'bad', value: 10, timestamp: 1 })
  driver.send(input, { key: 'fine', value: 30, timestamp: 1 })
  driver.send(input, { key: 'late', value: 40, timestamp: 30 })
  assert.deepEqual(written(driver), ['good=sent@20', 'fine=sent@30'])
  assert.deepEqual(driver.dropped(), [{ task: '0_0', operator: 'alarms', reason: 'processing', count: 1 }])
  assert.deepEqual(
    driver.rows<string, number>('fragile-by-key').map(({ key, value }) => [key, value]),
    [
      ['late', 40],
      ['left-behind', 1_000],
    ],
  )
})

test('thousands of timers, moved and deleted at random, are called as a model calls them', () => {
  const seed = Number(process.env['EVERT_SEED'] ?? 4_711)
  const draw = seededRandom(seed)
  const below = (limit: number) => Math.floor(draw() * limit)
  const timers = keyedTimers('timers', { key: string })
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .process({
      stores: { timers },
      value: string,
      create: ({ stores: { timers }, forward }) => {
        timers.onTimer((key, atMs) => forward(key, 'due', atMs))
        return (value, key) => {
          if (value < 0) timers.delete(key)
          else timers.set(key, value)
        }
      },
    })
    .to(output)
  const driver = testDriver(builder)
  const model = new Map<string, number>()
  let streamTime = 0
  for (let step = 0; step < 4_000; step++) {
    const key = `k${below(600)}`
    const value = below(4) === 0 ? -1 : streamTime + below(3_000) - 10
    if (below(20) === 0) streamTime += below(1_500)
    driver.send(input, { key, value, timestamp: streamTime })
    const due = taken(model, at => at < streamTime)
    if (value < 0) model.delete(key)
    else model.set(key, value)
    due.push(...taken(model, at => at <= streamTime))
    assert.deepEqual(
      written(driver),
      due.map(([each, at]) => `${each}=due@${at}`),
      `step ${step}, seed ${seed}`,
    )
  }
  assert.equal(driver.rows('timers').length, model.size)
})

function taken(model: Map<string, number>, isDue: (at: number) => boolean): [string, number][] {
  const due = [...model].filter(([, at]) => isDue(at))
  for (const [key] of due) model.delete(key)
  return due.toSorted(([a, atA], [b, atB]) => atA - atB || (a < b ? -1 : 1))
}

test('a timer that is set to a time past is called right after the callback that set it', () => {
  const due = keyedTimers('due', { key: string })
  const soon = keyedTimers('soon', { key: string, time: 'wall' })
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .process({
      stores: { due, soon },
      value: string,
      create: ({ stores, forward, schedule }) => {
        const setTwo = (source: string, timeMs: number) => {
          forward(source, `sets at ${timeMs}`)
          stores.due.set(`${source}'s later`, 9)
          stores.due.set(`${source}'s first`, 5)
        }
        stores.due.onTimer((key, atMs) => forward(key, `due ${atMs}`))
        stores.soon.onTimer(() => setTwo('alarm', 20))
        const byStreamTime = (callback: (timeMs: number) => void) =>
          schedule(1_000, 'stream', timeMs => (timeMs >= 1_000 ? callback(timeMs) : undefined))
        byStreamTime(timeMs => setTwo('stream', timeMs))
        byStreamTime(timeMs => forward('next', `at ${timeMs}`))
        schedule(30, 'wall', timeMs => setTwo('wall', timeMs))
        return (_value, key) => stores.soon.set(key, 20)
      },
    })
    .to(output)
  const driver = testDriver(builder, { startMs: 0 })
  const after = (source: string, at: number, timeMs: number) => [
    `${source}=sets at ${at}@${timeMs}`,
    `${source}'s first=due 5@5`,
    `${source}'s later=due 9@9`,
  ]
  driver.send(input, { key: 'k', value: 0, timestamp: 100 })
  assert.deepEqual(written(driver), [])
  driver.advanceWallClock(20)
  assert.deepEqual(written(driver), after('alarm', 20, 20))
  driver.advanceWallClock(10)
  assert.deepEqual(written(driver), after('wall', 30, 30))
  driver.send(input, { key: 'k', value: 0, timestamp: 1_000 })
  assert.deepEqual(written(driver), [...after('stream', 1_000, 1_000), 'next=at 1000@1000'])
})

test('timers that are set again without end, while time stands still, are refused', () => {
  const ping = keyedTimers('ping', { key: string })
  const pong = keyedTimers('pong', { key: string })
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .process({
      stores: { ping, pong },
      value: string,
      create: ({ stores: { ping, pong }, forward }) => {
        let calls = 0
        const again = (key: string, atMs: number) => {
          calls++
          if (key === 'for ever') (calls % 2 === 0 ? ping : pong).set(key, atMs)
          else if (key === 'often' && calls < 9_999) ping.set(key, atMs)
          else if (key === 'on and on' && calls < 30_000) ping.set(key, atMs + 1)
          else forward(key, `${calls} calls`)
        }
        ping.onTimer(again)
        pong.onTimer(again)
        return (value, key) => {
          calls = 0
          ping.set(key, value)
        }
      },
    })
    .to(output)
  const driver = testDriver(builder)
  driver.send(input, { key: 'often', value: 5, timestamp: 5 })
  driver.send(input, { key: 'on and on', value: 5, timestamp: 1_000_000 })
  for (let i = 0; i < 20_000; i++)
    driver.send(input, { key: `k${i}`, value: 2_000_000, timestamp: 1_000_000 })
  assert.deepEqual(written(driver), ['often=9999 calls@5', 'on and on=30000 calls@30004'])
  driver.send(input, { key: 'last', value: 0, timestamp: 3_000_000 })
  assert.equal(written(driver).length, 20_001)
  assert.throws(
    () => driver.send(input, { key: 'for ever', value: 7, timestamp: 3_000_000 }),
    /timer of "p[io]ng" is set to 7 by the callback of one that was due at 7.*would ring for ever\. Set a later time/,
  )
})

test('misuse is refused with what to do instead', () => {
  const timers = keyedTimers('timers', { key: string })
  const run = (value: number, isListening: boolean) => {
    const builder = new StreamsBuilder()
    builder.stream(input).process({
      stores: { timers },
      create: ({ stores }) => {
        if (isListening) stores.timers.onTimer(() => {})
        return at => stores.timers.set('k', at)
      },
    })
    testDriver(builder).send(input, { key: 'k', value, timestamp: 1 })
  }
  assert.throws(() => run(-5, true), /whole milliseconds, 0 or more/)
  assert.throws(() => run(5, false), /no callback: give onTimer one in create/)
  run(5, true)
})
