import { int64, StreamsBuilder, string, topic } from 'evert'
import { recordBatches } from 'evert/testing'
import { engineCase } from '../harness/engine-case.ts'
import { text, textRecords } from '../harness/orders.ts'

const RECORDS = 1_000_000

export const benchmark = engineCase({
  description: '1 M records of 100 bytes counted by 100 k keys, every update written',
  build() {
    const builder = new StreamsBuilder()
    const counts = topic('counts', { key: string, value: int64 })
    builder.stream(text('orders')).groupByKey().count({ store: 'counts' }).toStream().to(counts)
    return builder
  },
  inputs: () => [[text('orders'), recordBatches(text('orders'), textRecords(RECORDS, { keys: 100_000 }))]],
  outputs: { counts: RECORDS },
})
