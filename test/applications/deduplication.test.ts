import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, int64, keyValueStore, StreamsBuilder, string, topic } from '../../src/index.ts'
import { type TestDriver, testDriver } from '../../src/testing/index.ts'
import { readPairs, sendAll } from './pairs.ts'

const MINUTE_MS = 60_000
const apartMs = 5 * MINUTE_MS
const retentionMs = 2 * apartMs

const input = topic('input', { key: bytes, value: string })
const output = topic('output', { key: bytes, value: string })

/** Lets a value pass unless it came within five minutes around; `idOf` says what is the same. */
function deduplicated(idOf: (value: string) => string | null = value => value): TestDriver {
  const lastSeen = keyValueStore('last-seen', { key: string, value: int64 })
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .processValues({
      stores: { lastSeen },
      create: ({ stores, forward, schedule }) => {
        schedule(MINUTE_MS, 'stream', nowMs => {
          for (const [id, timestamp] of stores.lastSeen.entries()) {
            if (timestamp < nowMs - retentionMs) stores.lastSeen.delete(id)
          }
        })
        return (value, _key, { timestamp }) => {
          const id = idOf(value)
          const seen = id === null ? undefined : stores.lastSeen.get(id)
          if (id !== null) stores.lastSeen.put(id, Math.max(seen ?? timestamp, timestamp))
          if (seen === undefined || Math.abs(timestamp - seen) > apartMs) forward(value)
        }
      },
    })
    .to(output)
  return testDriver(builder)
}

const values = (driver: TestDriver) => readPairs(driver, output).map(([, value]) => value)

test('the first of several events with one id goes out', () => {
  const driver = deduplicated()
  sendAll(
    driver,
    input,
    'a b a a b c c a b'.split(' ').map(id => [null, id]),
  )
  assert.deepEqual(values(driver), ['a', 'b', 'c'])
})

test('a duplicate keeps its id known for another five minutes', () => {
  const driver = deduplicated()
  const minutes = [0, 5, 10, 16]
  sendAll(
    driver,
    input,
    minutes.map(minute => [null, 'a', minute * MINUTE_MS]),
  )
  assert.deepEqual(
    driver.read(output).map(({ timestamp }) => timestamp / MINUTE_MS),
    [0, 16],
  )
})

test('events without an id all go out', () => {
  const driver = deduplicated(() => null)
  sendAll(driver, input, [
    [null, 'a'],
    [null, 'a'],
  ])
  assert.deepEqual(values(driver), ['a', 'a'])
})

test('ids that are out of reach are forgotten', () => {
  const driver = deduplicated()
  sendAll(driver, input, [
    [null, 'a', 0],
    [null, 'b', 11 * MINUTE_MS],
  ])
  assert.deepEqual(
    driver.rows('last-seen').map(({ key }) => key),
    ['b'],
  )
})
