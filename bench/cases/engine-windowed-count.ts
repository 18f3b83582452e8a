import { int64, StreamsBuilder, string, topic, tumbling, windowed } from 'evert'
import { recordBatches } from 'evert/testing'
import { engineCase } from '../harness/engine-case.ts'
import { text, textRecords } from '../harness/orders.ts'

const RECORDS = 500_000
const MINUTE_MS = 60_000

export const benchmark = engineCase({
  description:
    '500 k records of 100 bytes counted by 10 k keys in windows of a minute, every update written; ' +
    '50 k records per minute of event time',
  build() {
    const builder = new StreamsBuilder()
    const counts = topic('counts', { key: windowed(string, { sizeMs: MINUTE_MS }), value: int64 })
    builder
      .stream(text('orders'))
      .groupByKey()
      .windowedBy(tumbling({ sizeMs: MINUTE_MS, graceMs: 0 }))
      .count({ store: 'counts' })
      .toStream()
      .to(counts)
    return builder
  },
  inputs() {
    const records = textRecords(RECORDS, { keys: 10_000, everyMs: 1.2 })
    return [[text('orders'), recordBatches(text('orders'), records)]]
  },
  outputs: { counts: RECORDS },
})
