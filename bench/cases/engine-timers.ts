import { keyedTimers, StreamsBuilder, string } from 'evert'
import { recordBatches } from 'evert/testing'
import { engineCase } from '../harness/engine-case.ts'
import { text, textRecords } from '../harness/orders.ts'

const RECORDS = 300_000
const AHEAD_MS = 5_000

export const benchmark = engineCase({
  description:
    '300 k records of 100 bytes, one per ms of event time: each sets a timer of its own 5 s ahead, which writes a record',
  build() {
    const timers = keyedTimers('timers', { key: string })
    const builder = new StreamsBuilder()
    builder
      .stream(text('orders'))
      .process({
        stores: { timers },
        create: ({ stores, forward }) => {
          stores.timers.onTimer((key, atMs) => forward(key, 'due', atMs))
          return (_value, key, { timestamp }) =>
            stores.timers.set(`${key}/${timestamp}`, timestamp + AHEAD_MS)
        },
      })
      .to(text('due'))
    return builder
  },
  inputs: () => [
    [text('orders'), recordBatches(text('orders'), textRecords(RECORDS, { keys: 20_000, everyMs: 1 }))],
  ],
  outputs: { due: RECORDS - AHEAD_MS },
})
