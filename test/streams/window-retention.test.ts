import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import type { KGroupedStream } from '../../src/streams/dsl/kgrouped-stream.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { hopping, sessions, sliding, tumbling } from '../../src/streams/processors/windows.ts'
import { testDriver } from '../../src/testing/test-driver.ts'

const input = topic('in', { key: string, value: string })

/** At most so many rows can be open, or closed since the last pass over them. */
const KINDS: readonly [string, number, (grouped: KGroupedStream<string, string>) => unknown][] = [
  ['tumbling', 4, grouped => grouped.windowedBy(tumbling({ sizeMs: 10, graceMs: 10 })).count({ store: 'w' })],
  [
    'hopping',
    8,
    grouped => grouped.windowedBy(hopping({ sizeMs: 10, advanceMs: 5, graceMs: 10 })).count({ store: 'w' }),
  ],
  [
    'sliding',
    40,
    grouped => grouped.windowedBy(sliding({ timeDifferenceMs: 10, graceMs: 0 })).count({ store: 'w' }),
  ],
  ['session', 6, grouped => grouped.sessions(sessions({ gapMs: 2, graceMs: 10 })).count({ store: 'w' })],
]

for (const [kind, atMost, count] of KINDS) {
  test(`${kind} windows are forgotten when their retention is over, in the index as well`, () => {
    const builder = new StreamsBuilder()
    count(builder.stream(input).groupByKey())
    const driver = testDriver(builder)
    let most = 0
    for (let timestamp = 0; timestamp < 2_000; timestamp += 3) {
      driver.send(input, { key: 'k', value: 'x', timestamp })
      most = Math.max(most, driver.rows('w').length)
    }
    assert.ok(most > 1 && most <= atMost, `${most} rows`)
    if (driver.storeNames.includes('w-by-key')) {
      assert.equal(driver.rows('w-by-key').length, driver.rows('w').length)
    }
  })
}
