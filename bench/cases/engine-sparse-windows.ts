import { int64, StreamsBuilder, string, topic, tumbling, windowed } from 'evert'
import { recordBatches } from 'evert/testing'
import { engineCase } from '../harness/engine-case.ts'
import { text, textRecords } from '../harness/orders.ts'

const RECORDS = 100_000
const SECOND_MS = 1_000

export const benchmark = engineCase({
  description:
    '100 k records of 100 bytes, one per second of event time, counted by 1 k keys in windows of a second, every ' +
    'final result written: thousands of windows close and expire within a commit',
  build() {
    const builder = new StreamsBuilder()
    const counts = topic('counts', { key: windowed(string, { sizeMs: SECOND_MS }), value: int64 })
    builder
      .stream(text('orders'))
      .groupByKey()
      .windowedBy(tumbling({ sizeMs: SECOND_MS, graceMs: 0 }))
      .count({ store: 'counts' })
      .suppressUntilWindowCloses({ name: 'final' })
      .toStream()
      .to(counts)
    return builder
  },
  inputs() {
    const records = textRecords(RECORDS, { keys: 1_000, everyMs: SECOND_MS })
    return [[text('orders'), recordBatches(text('orders'), records)]]
  },
  // The last window is still open.
  outputs: { counts: RECORDS - 1 },
})
