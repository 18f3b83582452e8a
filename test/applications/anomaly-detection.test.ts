import { test } from 'node:test'
import { int64, StreamsBuilder, string, topic, tumbling } from '../../src/index.ts'
import { recordOf, testDriver } from '../../src/testing/index.ts'

const clicks = topic('user-clicks', { key: string, value: string })
const anomalies = topic('anomalous-users', { key: string, value: int64 })
const startMs = 1_466_521_140_000

const click = (user: string, timestamp: number) => recordOf(clicks, { key: null, value: user, timestamp })

test('a user with three clicks within a minute is an anomaly', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(clicks)
    .groupBy(user => user)
    .windowedBy(tumbling({ sizeMs: 60_000, graceMs: 0 }))
    .count({ store: 'user-counts' })
    .filter(count => count >= 3)
    .toStream()
    .filter(count => count !== null)
    .selectKey((_count, { key, start }) => `[${key}@${start}]`)
    .to(anomalies)

  const alice = `[alice@${startMs}]`
  testDriver(builder)
    .given([])
    .when(
      ['alice', 'alice', 'bob', 'alice', 'alice', 'charlie'].map((user, second) =>
        click(user, startMs + 1_000 * second),
      ),
    )
    .then([recordOf(anomalies, { key: alice, value: 3 }), recordOf(anomalies, { key: alice, value: 4 })])
    .when(click('alice', startMs + 60_000))
    .then([])
})
