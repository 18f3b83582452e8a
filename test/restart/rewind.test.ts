import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createTopics } from '../../src/client/admin.ts'
import {
  app,
  int64,
  openCluster,
  rewindApplication,
  type RewindOptions,
  string,
  type Topic,
  topic,
} from '../../src/index.ts'
import {
  internalTopics,
  MINUTE,
  moves,
  pagesOf,
  rewindToTheBeginning,
  sorted,
  stopByForce,
  untilWritten,
  visit,
  written,
} from './rewind-scenarios.ts'

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, 'it is not so within 30 s')
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'evert-rewind-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

test('an application that is rewound computes everything again, on every disk', {
  timeout: 60_000,
}, async t => {
  const directory = temporary(t)
  await using cluster = await openCluster(`file:${join(directory, 'log')}`)
  await rewindToTheBeginning(cluster, '', directory)
})

test('an application that runs is rewound by force alone', { timeout: 60_000 }, async t => {
  const directory = temporary(t)
  await using cluster = await openCluster(`file:${join(directory, 'log')}`)
  await stopByForce(cluster, '', directory)
})

test('inputs are moved to times and offsets, together or alone', { timeout: 60_000 }, async () => {
  await using cluster = await openCluster('memory:rewind-places')
  const visits = topic('visits', { key: string, value: string, partitions: 2 })
  const orders = topic('orders', { key: string, value: string, partitions: 1 })
  const counts = topic('counts', { key: string, value: int64, partitions: 1 })
  const application = app('shop')
  application.stream([visits, orders]).groupByKey().count({ store: 'counts' }).toStream().to(counts)
  const records: [Topic<string, string>, number][] = [
    [visits, 0],
    [visits, 1],
    [visits, 1],
    [orders, 0],
    [orders, 2],
  ]
  {
    await using running = await application.start({ cluster, commitIntervalMs: 5 })
    for (const [topic, minute] of records) {
      await running.append(topic, 'ann', 'x', { timestamp: minute * MINUTE })
    }
    await until(async () => (await written(cluster, counts)).length === records.length)
  }
  const dryRun = async (options: Pick<RewindOptions, 'to' | 'topics'>) =>
    moves(await rewindApplication('shop', { cluster, dryRun: true, ...options }))
  const own = Object.entries(await dryRun({ to: 'end' })).find(
    ([place, [to]]) => place.startsWith('visits') && to === 3,
  )
  const [ann, [, none]] = own ?? ['', [0, -1]]
  const other = ann === 'visits/0' ? 'visits/1' : 'visits/0'
  assert.equal(none, 0)

  assert.deepEqual(await dryRun({ to: { timeMs: 1 } }), {
    [ann]: [1, 2],
    [other]: [0, 0],
    'orders/0': [1, 1],
  })
  // Nothing of that time or later: behind the last record.
  assert.deepEqual(await dryRun({ to: { timeMs: 2 * MINUTE } }), {
    [ann]: [3, 0],
    [other]: [0, 0],
    'orders/0': [1, 1],
  })
  const committed = { [ann]: [3, 0], [other]: [undefined, 0], 'orders/0': [2, 0] }
  const one = { to: { offsets: [{ topic: 'orders', partition: 0, offset: 0 }] } }
  assert.deepEqual(await dryRun(one), { ...committed, 'orders/0': [0, 2] })
  assert.deepEqual(await dryRun({ to: 'beginning', topics: ['orders'] }), {
    ...committed,
    'orders/0': [0, 2],
  })

  await rewindApplication('shop', { cluster, ...one })
  {
    await using running = await application.start({ cluster, commitIntervalMs: 5 })
    await until(async () => (await written(cluster, counts)).length === 7)
    await running.append(visits, 'ann', 'x')
    await until(async () => (await written(cluster, counts)).length === 8)
  }
  // The state began empty: two orders, then the next visit.
  assert.deepEqual(
    await written(cluster, counts),
    sorted(...[1, 2, 3, 4, 5, 1, 2, 3].map(n => ['ann', n] as const)),
  )
})

test('what is not there is refused, and nothing is changed', { timeout: 60_000 }, async () => {
  await using cluster = await openCluster('memory:rewind-refused')
  const pages = pagesOf('')
  {
    await using running = await pages.application().start({ cluster, commitIntervalMs: 5 })
    await visit(running, pages)
    await untilWritten(cluster, pages, 1)
  }
  const topics = await internalTopics(cluster, pages)
  const refusals: [id: string, Pick<RewindOptions, 'to' | 'topics' | 'internalTopics'>, RegExp][] = [
    ['page', { to: 'end' }, /knows no application "page". Its groups: pages\./],
    ['pages', { to: 'end', topics: ['visit'] }, /"visit" is no input of "pages". Its inputs: visits\./],
    [
      'pages',
      { to: { offsets: [{ topic: 'visits', partition: 2, offset: 0 }] } },
      /Partition 2 of "visits" is no input/,
    ],
    [
      'pages',
      { to: { offsets: [{ topic: 'visits', partition: 0, offset: 9 }] } },
      /offsets from 0 to \d; 9 is none/,
    ],
    ['pages', { to: 'end', internalTopics: ['visits'] }, /"visits" has no name of an internal topic/],
  ]
  for (const [id, options, message] of refusals) {
    await assert.rejects(rewindApplication(id, { cluster, ...options }), {
      code: 'INVALID_ARGUMENT',
      message,
    })
  }
  assert.deepEqual(await internalTopics(cluster, pages), topics)
  await using _running = await pages.application().start({ cluster, commitIntervalMs: 5 })
  await untilWritten(cluster, pages, 1)
})

test('topics of an application whose id begins alike, and changelogs of nobody, are left', {
  timeout: 60_000,
}, async () => {
  await using cluster = await openCluster('memory:rewind-alike')
  const [pages, others] = [pagesOf(''), app('pages-eu')]
  others.stream(pages.visits).groupByKey().count({ store: 'counts' })
  {
    await using running = await pages.application().start({ cluster, commitIntervalMs: 5 })
    await using also = await others.start({ cluster, commitIntervalMs: 5 })
    await visit(running, pages)
    await untilWritten(cluster, pages, 1)
    await also.whenRunning()
  }
  await createTopics(cluster, [{ name: 'pages-old-changelog', partitions: 1 }])
  const left = ['pages-eu-counts-changelog', 'pages-old-changelog']
  assert.deepEqual((await rewindApplication('pages', { cluster, to: 'beginning' })).unknownTopics, left)
  const old = await rewindApplication('pages', {
    cluster,
    to: 'beginning',
    internalTopics: ['pages-old-changelog'],
  })
  assert.deepEqual(old.internalTopics, ['pages-old-changelog'])
  assert.deepEqual(await internalTopics(cluster, pages), [left[0], 'pages-eu-topology', 'pages-topology'])
})

test('a topology that would lose state starts after a rewind: there is none', {
  timeout: 60_000,
}, async () => {
  await using cluster = await openCluster('memory:rewind-changed')
  const { id, visits, byPage } = pagesOf('')
  const counting = (store: string) => {
    const counted = app(id)
    counted.stream(visits).groupByKey().count({ store }).toStream().to(byPage)
    return counted
  }
  const options = { cluster, commitIntervalMs: 5 }
  {
    await using running = await counting('first').start(options)
    await running.append(visits, 'ann', 'x')
    await until(async () => (await written(cluster, byPage)).length === 1)
  }
  await assert.rejects(counting('second').start(options), { code: 'TOPOLOGY_CHANGED' })
  await rewindApplication(id, { cluster, to: 'beginning' })
  await using _second = await counting('second').start(options)
  await until(async () => (await written(cluster, byPage)).length === 2)
  assert.deepEqual(await written(cluster, byPage), [
    ['ann', 1],
    ['ann', 1],
  ])
})

test('what an error policy passed over before a rewind is decided anew', { timeout: 60_000 }, async t => {
  const directory = temporary(t)
  await using cluster = await openCluster(`file:${join(directory, 'log')}`)
  const prices = topic('prices', { key: string, value: int64, partitions: 1 })
  const out = topic('out', { key: string, value: int64, partitions: 1 })
  const start = (isStrict: boolean, disk: string) => {
    const shop = app('shop')
    const table = shop.table(prices, { store: 'prices' })
    const view = table.view('all')
    table
      .map(price => {
        if (isStrict && price < 0) throw new Error('negative')
        return price
      })
      .toStream()
      .to(out)
    const options = {
      cluster,
      stateDir: join(directory, disk),
      onError: 'skip',
      commitIntervalMs: 5,
    } as const
    return shop.start(options).then(running => ({ running, view }))
  }
  {
    const { running } = await start(true, 'one')
    await running.append(prices, 'bad', -1)
    await running.append(prices, 'good', 1)
    await until(async () => (await written(cluster, out)).length === 1)
    await running.close()
  }
  await rewindApplication('shop', { cluster, to: 'beginning' })
  {
    const { running } = await start(false, 'two')
    await until(async () => (await written(cluster, out)).length === 3)
    await running.close()
  }
  // From an empty disk: the row is not passed over any more.
  const { running, view } = await start(false, 'three')
  const rows = await view.find({})
  assert.deepEqual(rows.rows.map(({ key }) => key).toSorted(), ['bad', 'good'])
  await running.close()
})
