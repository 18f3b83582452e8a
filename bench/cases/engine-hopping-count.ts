import { hopping, int64, StreamsBuilder, string, topic, windowed } from 'evert'
import { recordBatches } from 'evert/testing'
import { engineCase } from '../harness/engine-case.ts'
import { START_MS, text, textRecords } from '../harness/orders.ts'

const RECORDS = 50_000
const SIZE_MS = 60_000
const ADVANCE_MS = 1_000
const KEYS = 1_000

/** Moves stream time on, so that every window of the records before it has closed. */
const LAST = { key: 'last', value: '', timestamp: START_MS + RECORDS + 2 * SIZE_MS }

export const benchmark = engineCase({
  description:
    '50 k records of 100 bytes counted by 1 k keys in windows of a minute that advance by a second ' +
    '(60 windows cover each record), a result per window when it closes; 1 k records per second of event time',
  build() {
    const builder = new StreamsBuilder()
    const counts = topic('counts', { key: windowed(string, { sizeMs: SIZE_MS }), value: int64 })
    builder
      .stream(text('orders'))
      .groupByKey()
      .windowedBy(hopping({ sizeMs: SIZE_MS, advanceMs: ADVANCE_MS, graceMs: 0 }), { emit: 'onWindowClose' })
      .count({ store: 'counts' })
      .toStream()
      .to(counts)
    return builder
  },
  inputs() {
    const records = [...textRecords(RECORDS, { keys: KEYS }), LAST]
    return [[text('orders'), recordBatches(text('orders'), records)]]
  },
  outputs: { counts: rowsOfClosedWindows() },
})

/** Pairs of a key and a window with a record of the key in it, counted without the engine. */
function rowsOfClosedWindows(): number {
  const rows = new Set<string>()
  for (const { key, timestamp } of textRecords(RECORDS, { keys: KEYS })) {
    const last = Math.floor(timestamp / ADVANCE_MS)
    for (let window = last - SIZE_MS / ADVANCE_MS + 1; window <= last; window++) rows.add(`${key}/${window}`)
  }
  return rows.size
}
