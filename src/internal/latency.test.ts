import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Latency, latency } from './latency.ts'
import { type HistogramSample, type MetricFamily, MetricSheet } from './metric.ts'
import { seededRandom } from './random.ts'

const definitions = latency('test', 'wait', 'the time waited')

function report(of: Latency): Map<string, MetricFamily> {
  const sheet = new MetricSheet()
  of.report(sheet, definitions, {})
  return new Map(sheet.families().map(family => [family.name, family]))
}

function valueOf(families: Map<string, MetricFamily>, name: string): number | undefined {
  const family = families.get(name)
  assert.notEqual(family?.type, 'histogram')
  return (family?.samples[0] as { value: number } | undefined)?.value
}

test('durations are counted up to each power of two', () => {
  const waits = new Latency()
  for (const ms of [-5, 0, 1, 2, 3, 4, 4.2, 8, 9, 1_000_000, 1e12]) waits.record(ms)
  const family = report(waits).get('wait')
  assert.equal(family?.type, 'histogram')
  const sample = family.samples[0] as HistogramSample
  assert.equal(sample.count, 11)
  assert.equal(sample.sum, 1_000_000 + 1e12 + 31.2)
  const counts = new Map(sample.buckets)
  assert.deepEqual(
    [1, 2, 4, 8, 16, 131_072].map(bound => counts.get(bound)),
    [3, 4, 6, 8, 9, 9],
  )
})

test('least, mean and greatest are exact, the 99th percentile is at most a quarter too high', () => {
  const random = seededRandom(7)
  const waits = new Latency()
  const all = Array.from({ length: 5_000 }, () => Math.floor(random() ** 4 * 50_000))
  for (const ms of all) waits.record(ms)
  all.sort((a, b) => a - b)
  const families = report(waits)
  assert.equal(valueOf(families, 'wait-min'), all[0])
  assert.equal(valueOf(families, 'wait-max'), all.at(-1))
  const mean = all.reduce((sum, ms) => sum + ms, 0) / all.length
  assert.ok(Math.abs((valueOf(families, 'wait-avg') as number) - mean) < 1e-6)
  const exact = all[4_949] as number
  const p99 = valueOf(families, 'wait-p99') as number
  assert.ok(p99 >= exact && p99 <= exact * 1.25, `${p99} for ${exact}`)
})

test('the figures are of the last minute, the histogram of all time', () => {
  const waits = new Latency()
  waits.turn(0)
  waits.record(700)
  waits.turn(30_000)
  waits.record(5)
  assert.equal(valueOf(report(waits), 'wait-max'), 700)
  waits.turn(60_000)
  assert.equal(valueOf(report(waits), 'wait-max'), 5)
  waits.record(6)
  waits.turn(500_000)
  const later = report(waits)
  assert.deepEqual([...later.keys()], ['wait'])
  assert.deepEqual(
    (later.get('wait') as MetricFamily).samples.map(each => (each as HistogramSample).count),
    [3],
  )
})
