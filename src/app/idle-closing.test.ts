import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../contracts/codecs.ts'
import { topic } from '../contracts/topic.ts'
import { tumbling } from '../streams/processors/windows.ts'
import { app } from './app.ts'

const clicks = topic('clicks', { key: string, value: string, partitions: 2 })

test('the last windows close although nothing more comes, and their results are committed', async () => {
  const counting = app('counting')
  const finalCounts = counting
    .stream(clicks)
    .groupByKey()
    .windowedBy(tumbling({ sizeMs: 100, graceMs: 0 }), { emit: 'onWindowClose', closeWhenIdleMs: 50 })
    .count()
    .toStream()
    .selectKey((_count, { key }) => key)
    .toTable()
    .view('finalCounts')
  await using running = await counting.start({ cluster: 'memory:idle-closing', commitIntervalMs: 10 })
  for (const key of ['a', 'b', 'c', 'd', 'a']) await running.append(clicks, key, 'x', { timestamp: 1_030 })
  for (const [key, count] of [
    ['a', 2],
    ['b', 1],
    ['c', 1],
    ['d', 1],
  ] as const) {
    const { value } = await finalCounts.waitFor(key, row => row !== undefined, { timeoutMs: 10_000 })
    assert.equal(value, count)
  }
  await running.append(clicks, 'a', 'late', { timestamp: 1_031 })
  await new Promise<void>(resolve => {
    const look = () => {
      if (!running.dropped().some(({ reason, count }) => reason === 'late' && count === 1)) return
      stop()
      resolve()
    }
    const stop = running.onChange(look)
    look()
  })
  assert.equal(await finalCounts.get('a'), 2)
})
