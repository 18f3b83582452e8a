import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { int64, json, StreamsBuilder, string, topic } from '../../src/index.ts'
import { testDriver } from '../../src/testing/index.ts'
import { readPairs, sendAll } from './pairs.ts'

const Feed = z.object({ user: z.string(), isNew: z.boolean(), content: z.string().nullable() })

const feed = topic('wikipedia-feed', { key: string, value: json(Feed) })
const counts = topic('wikipedia-feed-counts', { key: string, value: int64 })

test('the new pages of each user are counted', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(feed)
    .filter(({ isNew }) => isNew)
    .groupBy(({ user }) => user)
    .count()
    .toStream()
    .to(counts)
  const driver = testDriver(builder)
  sendAll(
    driver,
    feed,
    ['donna', 'donna', 'donna', 'becca', 'becca', 'john'].map(user => [
      null,
      { user, isNew: true, content: 'first content' },
    ]),
  )
  assert.deepEqual(
    new Map(readPairs(driver, counts)),
    new Map([
      ['donna', 3],
      ['becca', 2],
      ['john', 1],
    ]),
  )
  sendAll(driver, feed, [[null, { user: 'john', isNew: false, content: 'an edit' }]])
  assert.deepEqual(readPairs(driver, counts), [], 'an edit is no new page')
})
