import { test } from 'node:test'
import { int64, StreamsBuilder, string, topic, tumbling, windowed } from '../../src/index.ts'
import { recordOf, testDriver } from '../../src/testing/index.ts'

const events = topic('events', { key: string, value: string })
const counts = topic('counts', { key: windowed(string, { sizeMs: 60_000 }), value: int64 })

const event = (key: string, timestamp: number) => recordOf(events, { key, value: 'event', timestamp })
const counted = (key: string, start: number, value: number) =>
  recordOf(counts, { key: { key, start, end: start + 60_000 }, value })

test('a window has one result, when it and the grace are over', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(events)
    .groupByKey()
    .windowedBy(tumbling({ sizeMs: 60_000, graceMs: 10_000 }))
    .count()
    .suppressUntilWindowCloses()
    .toStream()
    .to(counts)
  testDriver(builder)
    .given([])
    .when([event('c1', 1_000), event('c1', 59_999), event('c1', 60_000), event('c1', 30_000)])
    .then([])
    .when(event('c2', 69_999))
    .then([])
    .when(event('c2', 70_000))
    .then([counted('c1', 0, 3)])
    .when(event('c1', 30_000))
    .then([])
    .when(event('c2', 140_000))
    .then([counted('c1', 60_000, 1), counted('c2', 60_000, 2)])
})
