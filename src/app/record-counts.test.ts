import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../contracts/codecs.ts'
import { topic } from '../contracts/topic.ts'
import { tumbling } from '../streams/processors/windows.ts'
import { app } from './app.ts'

const clicks = topic('clicks', { key: string, value: string })

test('a running application tells what its tasks dropped and why, and what came out of order', async () => {
  const counting = app('counting')
  const perMinute = counting
    .stream(clicks, { name: 'clicks' })
    .groupByKey()
    .windowedBy(tumbling({ sizeMs: 10, graceMs: 0 }))
    .count({ name: 'per-minute' })
    .view('perMinute')
  await using running = await counting.start({ cluster: 'memory:record-counts' })
  assert.deepEqual(running.dropped(), [])
  let last = await running.append(clicks, 'k', 'x', { timestamp: 25 })
  for (const timestamp of [5, 6, 21]) last = await running.append(clicks, 'k', 'x', { timestamp })
  last = await running.append(clicks, 'k', null, { timestamp: 30 })
  await perMinute.find({}, { minPosition: last.position })
  assert.deepEqual(
    running.dropped().map(({ operator, reason, count }) => [operator, reason, count]),
    [
      ['per-minute', 'late', 2],
      ['per-minute', 'null-value', 1],
    ],
  )
  assert.deepEqual(
    running.outOfOrder().map(({ operator, count }) => [operator, count]),
    [['clicks', 3]],
  )
})
