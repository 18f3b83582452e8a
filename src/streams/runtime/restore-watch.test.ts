import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MetricSheet } from '../../internal/metric.ts'
import { RestoreWatch } from './restore-watch.ts'

test('the progress of restores is logged now and then, counted, and passed on', () => {
  const lines: string[] = []
  const told: number[] = []
  let elapsedMs = 0
  const watch = new RestoreWatch({
    logger: { info: message => lines.push(message), warn() {} },
    onRestore: (_task, { remaining }) => told.push(remaining),
    elapsedMs: () => elapsedMs,
  })
  const tasks = [
    { id: '0_0', isRunning: false },
    { id: '0_1', isRunning: true },
  ]
  assert.equal(watch.ratio(tasks), 0.5)
  for (const [records, remaining] of [
    [0, 1_000],
    [200, 800],
    [500, 500],
    [1_000, 0],
  ] as const) {
    watch.onProgress('0_0', { store: 'counts', records, remaining })
    if (remaining === 500) assert.equal(watch.ratio(tasks), 0.75)
    elapsedMs += 6_000
  }
  assert.deepEqual(told, [1_000, 800, 500, 0])
  assert.deepEqual(lines, [
    'Task 0_0 restores the store "counts": 1000 offsets to go.',
    'Task 0_0 restores the store "counts": 50 %, 500 offsets to go.',
    'Task 0_0 restored the store "counts": 1000 records in 18.0 s.',
  ])
  watch.end('0_0')
  const sheet = new MetricSheet()
  watch.report(sheet)
  assert.deepEqual(
    sheet.families().map(({ name, samples }) => [name, samples]),
    [['restore-total', [{ labels: {}, value: 1_000 }]]],
  )
})
