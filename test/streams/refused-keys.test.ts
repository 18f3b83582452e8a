import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { testDriver } from '../../src/testing/test-driver.ts'

const words = topic('words', { key: string, value: string })
const counts = topic('counts', { key: string, value: int64 })
/** Longer than any key that a store takes. */
const endless = 'x'.repeat(5000)

test('a record whose key the store refuses is dropped by the policy, and the task goes on', () => {
  for (const onError of ['skip', { deadLetter: 'dead' }] as const) {
    const builder = new StreamsBuilder()
    builder.stream(words).groupByKey().count({ store: 'counts' }).toStream().to(counts)
    const driver = testDriver(builder, { onError })
    for (const key of ['a', endless, 'a']) driver.send(words, { key, value: 'v', timestamp: 1 })
    assert.deepEqual(
      driver.read(counts).map(({ key, value }) => [key, value]),
      [
        ['a', 1],
        ['a', 2],
      ],
    )
  }
})
