import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KTable } from '../../src/streams/dsl/ktable.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { Windowed } from '../../src/streams/processors/windowed-key.ts'
import { hopping, sessions, sliding, tumbling, unlimited } from '../../src/streams/processors/windows.ts'
import { type TestDriver, testDriver } from '../../src/testing/test-driver.ts'
import { textTopic } from './build-topology.ts'

/*
 * Where windows mean to differ from Kafka Streams (the end of FORMAT.md).
 */

type Counts = (builder: StreamsBuilder) => KTable<Windowed<string>, number>

function driverOf(counts: Counts): TestDriver {
  const builder = new StreamsBuilder()
  counts(builder)
    .toStream()
    .map(count => String(count), { value: textTopic('out').value })
    .selectKey((_value, { key, start, end }) => `${key}@${start}/${end}`)
    .to(textTopic('out'))
  return testDriver(builder)
}

function read(driver: TestDriver): string[] {
  return driver.read(textTopic('out')).map(({ key, value }) => `${key} ${value}`)
}

const grouped = (builder: StreamsBuilder) => builder.stream(textTopic('in')).groupByKey()
const grace = { graceMs: 2 }

const KINDS: Readonly<Record<string, Counts>> = {
  tumbling: builder =>
    grouped(builder)
      .windowedBy(tumbling({ sizeMs: 10, ...grace }))
      .count(),
  hopping: builder =>
    grouped(builder)
      .windowedBy(hopping({ sizeMs: 10, advanceMs: 5, ...grace }))
      .count(),
  sliding: builder =>
    grouped(builder)
      .windowedBy(sliding({ timeDifferenceMs: 10, ...grace }))
      .count(),
  unlimited: builder => grouped(builder).windowedBy(unlimited()).count(),
  sessions: builder =>
    grouped(builder)
      .sessions(sessions({ gapMs: 10, ...grace }))
      .count(),
}

for (const [kind, counts] of Object.entries(KINDS)) {
  test(`${kind} windows skip null values and count them as dropped`, () => {
    const driver = driverOf(counts)
    driver.send(textTopic('in'), { key: 'a', value: null, timestamp: 20 })
    assert.deepEqual(read(driver), [])
    assert.deepEqual(
      driver.dropped().map(({ reason, count }) => [reason, count]),
      [['null-value', 1]],
    )
    driver.send(textTopic('in'), { key: 'a', value: 'x', timestamp: 20 })
    assert.ok(read(driver).every(output => output.endsWith(' 1')))
    // It did not move the stream time of the windows either.
    driver.send(textTopic('in'), { key: 'a', value: null, timestamp: 1_000_000 })
    driver.send(textTopic('in'), { key: 'b', value: 'x', timestamp: 20 })
    assert.ok(read(driver).length > 0)
  })
}

const onClose = { emit: 'onWindowClose' } as const

/** Two windows closed by a jump far beyond every retention, then those that the jump itself opened. */
const FINAL: readonly [kind: string, counts: Counts, jump: string[], end: string[]][] = [
  [
    'tumbling',
    builder =>
      grouped(builder)
        .windowedBy(tumbling({ sizeMs: 10, ...grace }), onClose)
        .count(),
    ['b@0/10 1', 'a@10/20 2', 'c@20/30 1'],
    ['a@1000000/1000010 1'],
  ],
  [
    'hopping',
    builder =>
      grouped(builder)
        .windowedBy(hopping({ sizeMs: 10, advanceMs: 5, ...grace }), onClose)
        .count(),
    ['b@0/10 1', 'a@5/15 1', 'b@5/15 1', 'a@10/20 2', 'a@15/25 1', 'c@15/25 1', 'c@20/30 1'],
    ['a@999995/1000005 1', 'a@1000000/1000010 1'],
  ],
  [
    'sliding',
    builder =>
      grouped(builder)
        .windowedBy(sliding({ timeDifferenceMs: 10, ...grace }), onClose)
        .count(),
    ['b@0/10 1', 'a@1/11 1', 'a@7/17 2', 'c@11/21 1', 'a@12/22 1'],
    ['a@999990/1000000 1'],
  ],
  [
    'session',
    builder =>
      grouped(builder)
        .sessions(sessions({ gapMs: 10, ...grace }), onClose)
        .count(),
    ['b@9/9 1', 'a@11/17 2', 'c@21/21 1'],
    ['a@1000000/1000000 1'],
  ],
]

for (const [kind, counts, jump, end] of FINAL) {
  test(`final results of ${kind} windows go out for every window that closed, however far time jumps`, () => {
    const driver = driverOf(counts)
    const send = (key: string, timestamp: number) =>
      driver.send(textTopic('in'), { key, value: 'x', timestamp })
    send('b', 9)
    send('a', 11)
    send('a', 17)
    send('c', 21)
    const early = read(driver)
    send('a', 1_000_000)
    assert.deepEqual([...early, ...read(driver)], jump)
    send('b', 9_000_000)
    assert.deepEqual(read(driver), end)
  })
}
