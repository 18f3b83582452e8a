import assert from 'node:assert/strict'
import { test } from 'node:test'
import { app } from '../../src/app/app.ts'
import { openCluster } from '../../src/app/open-cluster.ts'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'

const pageViews = topic('page-views', { key: string, value: string, partitions: 2 })

function pages(before: string[] | undefined) {
  const shop = app('pages')
  const stream = shop.stream(pageViews)
  const seen = before === undefined ? stream : stream.peek(page => void before.push(page))
  const counts = seen
    .groupBy(page => page)
    .count()
    .view('counts')
  return { shop, counts }
}

test('counts go on when an operator is written before them, since their view names them', async () => {
  await using cluster = await openCluster('memory:view-names')
  {
    const { shop, counts } = pages(undefined)
    await using running = await shop.start({ cluster, store: 'memory' })
    for (const user of ['u1', 'u2', 'u3']) await running.append(pageViews, user, '/home')
    await counts.waitFor('/home', n => n === 3)
  }
  const peeked: string[] = []
  const { shop, counts } = pages(peeked)
  await using running = await shop.start({ cluster, store: 'memory' })
  const { position } = await running.append(pageViews, 'u4', '/home')
  const { value } = await counts.waitFor('/home', n => n !== undefined && n !== 3)
  assert.equal(value, 4)
  assert.deepEqual(peeked, ['/home'])
  await assert.rejects(counts.get('/home', { minPosition: position }), {
    code: 'INVALID_ARGUMENT',
    message:
      /"page-views".*its rows come through a repartition topic; use waitFor\. .*pages-counts-repartition/,
  })
})
