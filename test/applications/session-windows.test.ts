import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, sessions, StreamsBuilder, string, topic } from '../../src/index.ts'
import { recordOf, type TestDriver, testDriver } from '../../src/testing/index.ts'
import { readPairs, sendAll } from './pairs.ts'

const gapMs = 30 * 60_000

const plays = topic('play-events', { key: string, value: string })
const counts = topic('play-events-per-session', { key: string, value: int64 })

function playsPerSession(graceMs: number): TestDriver {
  const builder = new StreamsBuilder()
  builder
    .stream(plays)
    .groupByKey()
    .sessions(sessions({ gapMs, graceMs }))
    .count({ store: 'play-events-per-session' })
    .toStream()
    .selectKey((_count, { key, start, end }) => `${key}@${start}->${end}`)
    .to(counts)
  return testDriver(builder)
}

const play = (user: string, timestamp: number) => recordOf(plays, { key: user, value: 'song', timestamp })
const session = (user: string, start: number, end: number, value: number | null) =>
  recordOf(counts, { key: `${user}@${start}->${end}`, value })

test('a record between two sessions joins them into one', () => {
  const driver = playsPerSession(100)
  driver
    .given([])
    .when(play('erica', 0))
    .then([session('erica', 0, 0, 1)])
    .when(play('erica', gapMs + 1))
    .then([session('erica', gapMs + 1, gapMs + 1, 1)])
  assert.equal(driver.rows('play-events-per-session').length, 2)
  driver
    .given([])
    .when(play('erica', gapMs / 2))
    .then([
      session('erica', 0, 0, null),
      session('erica', gapMs + 1, gapMs + 1, null),
      session('erica', 0, gapMs + 1, 3),
    ])
  assert.deepEqual(driver.rows('play-events-per-session'), [
    { key: { key: 'erica', start: 0, end: gapMs + 1 }, value: 3, timestamp: gapMs + 1 },
  ])
})

const program = [
  ['jo', 'song', 0],
  ['bill', 'song', gapMs / 10],
  ['sarah', 'song', gapMs / 5],
  ['jo', 'song', gapMs + 1],
  ['bill', 'song', gapMs],
  ['sarah', 'song', 2 * gapMs],
  ['jo', 'song', gapMs / 2],
  ['bill', 'song', 3 * gapMs],
  ['sarah', 'song', 2 * gapMs + gapMs / 5],
] as const

test('with a grace of a day a late record joins the sessions that it lies between', () => {
  const driver = playsPerSession(24 * 60 * 60_000)
  sendAll(driver, plays, program)
  const jo = readPairs(driver, counts).filter(([key]) => key?.startsWith('jo@') === true)
  assert.deepEqual(jo, [
    ['jo@0->0', 1],
    [`jo@${gapMs + 1}->${gapMs + 1}`, 1],
    ['jo@0->0', null],
    [`jo@${gapMs + 1}->${gapMs + 1}`, null],
    [`jo@0->${gapMs + 1}`, 3],
  ])
})

test('with a short grace a late record leaves the session alone that has closed', () => {
  const driver = playsPerSession(100)
  sendAll(driver, plays, program)
  const jo = readPairs(driver, counts).filter(([key]) => key?.startsWith('jo@') === true)
  assert.deepEqual(jo, [
    ['jo@0->0', 1],
    [`jo@${gapMs + 1}->${gapMs + 1}`, 1],
    [`jo@${gapMs + 1}->${gapMs + 1}`, null],
    [`jo@${gapMs / 2}->${gapMs + 1}`, 2],
  ])
})
