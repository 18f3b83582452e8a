import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, string, StreamsBuilder, topic } from '../../src/index.ts'
import { testDriver } from '../../src/testing/index.ts'
import { TOPOLOGIES } from '../format/topologies.ts'

const INPUTS = ['in', 'other', 't'].map(name => topic(name, { key: string, value: string }))

/** What all outputs have after the same inputs, each output by itself in its order. */
function outputsOf(name: string, isMerged: boolean) {
  const builder = new StreamsBuilder({ optimize: isMerged ? 'all' : [] })
  TOPOLOGIES[name]?.(builder)
  const { topics, subTopologies } = builder.build('app')
  const driver = testDriver(builder)
  const sources = subTopologies.flatMap(part => part.sourceTopics)
  for (const [number, value] of ['a', 'b', 'a', 'c', 'b', 'a'].entries()) {
    for (const input of INPUTS.filter(each => sources.includes(each.name))) {
      // Only the first input has its keys changed.
      const key = input.name === 'in' ? `k${number}` : value
      driver.send(input, { key: number === 3 ? null : key, value, timestamp: number * 1_000 })
    }
  }
  const outputs = topics.filter(each => !sources.includes(each.name))
  const repartitionTopics = subTopologies.flatMap(part => part.repartitionSources).length
  return { repartitionTopics, records: outputs.map(each => [each.name, driver.read(each)]) }
}

for (const [name, topicsBefore, topicsAfter] of [
  ['optimised: two groupings of one key', 2, 1],
  ['optimised: filters after the key', 2, 1],
  ['optimised: mapped values stay before their own topic', 3, 2],
  ['optimised: an aggregate and joins', 2, 1],
  ['optimised: merged streams', 2, 1],
  ['optimised: explicit repartitions stay', 2, 2],
  ['optimised: a key after a key', 3, 2],
  ['optimised: groupings with names and a join', 3, 1],
] as const) {
  test(`${name}: ${topicsAfter} repartition topics instead of ${topicsBefore}, the same results`, () => {
    const [plain, merged] = [outputsOf(name, false), outputsOf(name, true)]
    assert.equal(plain.repartitionTopics, topicsBefore)
    assert.equal(merged.repartitionTopics, topicsAfter)
    assert.ok(plain.records.every(([, records]) => records !== undefined && records.length > 0))
    assert.deepEqual(merged.records, plain.records)
  })
}

test('a cogroup of two groupings without names has two repartition topics', () => {
  const numbers = topic('numbers', { key: string, value: int64 })
  const words = topic('words', { key: string, value: string })
  const builder = new StreamsBuilder()
  builder
    .stream(words)
    .groupBy(word => word)
    .cogroup<number>(total => total + 1)
    .cogroup(
      builder.stream(numbers).groupBy((_, word) => word.toUpperCase()),
      (total, number) => total + number,
    )
    .aggregate(() => 0, { store: 'totals', value: int64 })
  const topics = builder.build('app').subTopologies.flatMap(part => part.repartitionSources)
  assert.deepEqual(
    topics.map(({ name }) => name),
    ['app-totals-repartition', 'app-totals-2-repartition'],
  )
  const driver = testDriver(builder)
  driver.send(words, { key: '1', value: 'A' })
  driver.send(numbers, { key: 'a', value: 40 })
  assert.deepEqual(
    driver.rows<string, number>('totals').map(({ key, value }) => [key, value]),
    [['A', 41]],
  )
})
