import assert from 'node:assert/strict'
import { test } from 'node:test'
import { avro } from '../../src/avro/index.ts'
import { string, StreamsBuilder, topic } from '../../src/index.ts'
import { testDriver } from '../../src/testing/index.ts'

test('a topology reads and writes Avro', () => {
  const WikiFeed = avro({
    type: 'record',
    name: 'WikiFeed',
    fields: [
      { name: 'user', type: 'string' },
      { name: 'is_new', type: 'boolean' },
      { name: 'content', type: ['string', 'null'] },
    ],
  })
  const input = topic('input', { key: string, value: WikiFeed })
  const output = topic('output', { key: string, value: WikiFeed })
  const builder = new StreamsBuilder()
  const articles = builder.stream(input)
  articles.filter(article => article.is_new).to(output)
  const news = builder.stream(output).selectKey(article => article.user)
  news
    .groupByKey()
    .reduce((one, next) => ({ ...next, content: `${one.content}, ${next.content}` }), { store: 'all' })
  const driver = testDriver(builder)
  const alice = { user: 'alice', is_new: true, content: 'lorem ipsum' }
  driver.send(input, { key: 'alice', value: alice, timestamp: 1 })
  driver.send(input, { key: 'bob', value: { user: 'bob', is_new: false, content: null }, timestamp: 2 })
  driver.send(input, { key: 'alice', value: { ...alice, content: 'dolor' }, timestamp: 3 })
  assert.deepEqual(
    driver.read(output).map(({ value }) => value),
    [alice, { ...alice, content: 'dolor' }],
  )
  assert.deepEqual(driver.row('all', 'alice')?.value, { ...alice, content: 'lorem ipsum, dolor' })
})
