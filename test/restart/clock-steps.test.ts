import assert from 'node:assert/strict'
import { test } from 'node:test'
import { app } from '../../src/app/app.ts'
import { openCluster } from '../../src/app/open-cluster.ts'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { type Clock, systemClock } from '../../src/internal/clock.ts'

const HOUR_MS = 3_600_000

test('a wall clock that is set back or forth by an hour stops nothing', async () => {
  for (const stepMs of [-HOUR_MS, HOUR_MS]) {
    let offsetMs = 0
    const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + offsetMs }
    await using cluster = await openCluster(`memory:clock-${stepMs}`, { clock })
    const words = topic('words', { key: string, value: string, partitions: 1 })
    const counting = app('counting')
    const counts = counting.stream(words).groupByKey().count({ store: 'counts' }).view('counts')
    await using running = await counting.start({ cluster, store: 'memory' })
    for (const expected of [1, 2, 3]) {
      const { position } = await running.append(words, 'a', 'v')
      assert.equal(await counts.get('a', { minPosition: position, timeoutMs: 5000 }), expected)
      offsetMs += stepMs
    }
  }
})
