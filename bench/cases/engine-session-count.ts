import { int64, sessions, StreamsBuilder, string, topic, windowed } from 'evert'
import { recordBatches } from 'evert/testing'
import { engineCase } from '../harness/engine-case.ts'
import { text, textRecords } from '../harness/orders.ts'

const RECORDS = 200_000
const KEYS = 10_000
const GAP_MS = 30_000

export const benchmark = engineCase({
  description:
    '200 k records of 100 bytes counted by 10 k keys in sessions with a gap of 30 s, every update written; ' +
    'a key has a record every 10 s on average',
  build() {
    const builder = new StreamsBuilder()
    // A session is written under its key and its start.
    const counts = topic('counts', { key: windowed(string, { sizeMs: GAP_MS }), value: int64 })
    builder
      .stream(text('orders'))
      .groupByKey()
      .sessions(sessions({ gapMs: GAP_MS, graceMs: 0 }))
      .count({ store: 'counts' })
      .toStream()
      .to(counts)
    return builder
  },
  inputs: () => [[text('orders'), recordBatches(text('orders'), textRecords(RECORDS, { keys: KEYS }))]],
  outputs: { counts: changesOfSessions() },
})

/** A new session is one change, a longer one two: the shorter is deleted. Counted without the engine. */
function changesOfSessions(): number {
  const latest = new Map<string, number>()
  let changes = 0
  for (const { key, timestamp } of textRecords(RECORDS, { keys: KEYS })) {
    const before = latest.get(key as string) ?? -Infinity
    changes += timestamp - before <= GAP_MS ? 2 : 1
    latest.set(key as string, timestamp)
  }
  return changes
}
