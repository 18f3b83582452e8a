import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createTopics, deleteTopics, listTopics } from '../../src/client/admin.ts'
import { Producer } from '../../src/client/producer.ts'
import { readTopic } from '../../src/client/read-topic.ts'
import { app, openCluster, string, topic } from '../../src/index.ts'
import { holdsRecords, runScenario, SCENARIOS } from './topology-scenarios.ts'

for (const scenario of SCENARIOS) {
  const outcome = scenario.refusals.length > 0 ? 'is refused' : 'starts'
  test(`a changed topology ${outcome}: ${scenario.name}`, { timeout: 60_000 }, async t => {
    const directory = temporary(t)
    await using cluster = await openCluster(`file:${join(directory, 'log')}`)
    // Both versions run on one disk.
    await runScenario(scenario, { cluster, options: () => ({ stateDir: join(directory, 'state') }) })
  })
  test(`the same when the disk of the state is lost: ${scenario.name}`, { timeout: 60_000 }, async () => {
    await using cluster = await openCluster(`memory:lost-${SCENARIOS.indexOf(scenario)}`)
    await runScenario(scenario, { cluster, options: () => ({ store: 'memory' }) })
  })
}

const visits = topic('visits', { key: string, value: string, partitions: 2 })

function counting(isPeeked: boolean) {
  const shop = app('shop')
  const stream = shop.stream(visits)
  const counted = (isPeeked ? stream.peek(() => {}) : stream).groupByKey().count()
  counted.toStream().peek(() => {})
  return shop
}

const changelog = (number: number) => `shop-KSTREAM-AGGREGATE-STATE-STORE-000000000${number}-changelog`

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise(resolve => setTimeout(resolve, 5))
}

const committed = { commitIntervalMs: 5, store: 'memory' } as const

test('a second instance with a changed topology is refused, and the first goes on', async () => {
  await using cluster = await openCluster('memory:second-instance')
  await using first = await counting(false).start({ cluster, ...committed })
  await first.append(visits, 'a', '/a')
  await until(() => holdsRecords(cluster, changelog(1)))
  await assert.rejects(counting(true).start({ cluster, ...committed }), { code: 'TOPOLOGY_CHANGED' })
  assert.equal(first.state, 'RUNNING')
  const { position } = await first.append(visits, 'a', '/b')
  assert.ok(position !== undefined)
  await using second = await counting(false).start({ cluster, ...committed })
  await second.whenRunning()
})

test('a loss that is accepted is logged, and asked for once', async () => {
  await using cluster = await openCluster('memory:accepted')
  {
    await using running = await counting(false).start({ cluster, ...committed })
    await running.append(visits, 'a', '/a')
    await until(() => holdsRecords(cluster, changelog(1)))
  }
  const warnings: string[] = []
  const logger = { debug() {}, info() {}, error() {}, warn: (text: string) => void warnings.push(text) }
  {
    await using running = await counting(true).start({
      cluster,
      ...committed,
      onTopologyChange: 'accept',
      logger,
    })
    await running.whenRunning()
  }
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /0000000001 would be orphaned.*\n.*accepted/s)
  await using again = await counting(true).start({ cluster, ...committed, logger })
  await again.whenRunning()
  assert.equal(warnings.length, 1)
})

test('what has no state yet, or lost it, may change as it likes', async () => {
  await using cluster = await openCluster('memory:no-state')
  {
    await using running = await counting(false).start({ cluster, ...committed })
    await running.whenRunning()
  }
  {
    await using running = await counting(true).start({ cluster, ...committed })
    await running.append(visits, 'a', '/a')
    await until(() => holdsRecords(cluster, changelog(2)))
  }
  await deleteTopics(cluster, [changelog(2)])
  await using running = await counting(false).start({ cluster, ...committed })
  await running.whenRunning()
})

for (const remedy of ['deleted', 'accepted'] as const) {
  test(`what kept rows in order comes back void, when it is ${remedy}`, async t => {
    const directory = temporary(t)
    await using cluster = await openCluster('memory:outdated-' + remedy)
    const expired = topic('expired', { key: string, value: string })
    const expiring = (ttlMs?: number) => {
      const shop = app('shop')
      const counted = shop
        .stream(visits)
        .groupByKey()
        .count({ store: 'rows', ...(ttlMs === undefined ? {} : { ttlMs }) })
      counted
        .toStream()
        .map(count => (count === null ? 'gone' : 'here'), { value: string })
        .to(expired)
      return shop
    }
    const seen = async (text: string) => {
      for await (const { batches } of readTopic(cluster, expired.name)) {
        for (const batch of batches) {
          const records = batch.records()
          for (let i = 0; i < records.count; i++) {
            if (`${records.key(i)?.toString()} ${records.value(i)?.toString()}` === text) return true
          }
        }
      }
      return false
    }
    const options = { cluster, commitIntervalMs: 5, stateDir: directory } as const
    for (const [key, timestamp, ttlMs] of [
      ['a', 1, 10],
      ['b', 2, undefined],
    ] as const) {
      await using running = await expiring(ttlMs).start(options)
      await running.append(visits, key, 'x', { timestamp })
      await until(() => seen(`${key} here`))
    }
    await assert.rejects(expiring(10).start(options), {
      code: 'TOPOLOGY_CHANGED',
      message: /store rows-times would come back as it was.*Delete the topic "shop-rows-times-changelog"/,
    })
    if (remedy === 'deleted') {
      await deleteTopics(cluster, ['shop-rows-times-changelog', 'shop-rows-expiry-changelog'])
    }
    const onTopologyChange = remedy === 'accepted' ? 'accept' : 'refuse'
    await using running = await expiring(10).start({ ...options, onTopologyChange })
    for (const key of ['a', 'b', 'c', 'd']) await running.append(visits, key, 'x', { timestamp: 80 })
    await until(async () => (await seen('a gone')) && (await seen('b gone')))
  })
}

test('an application without state keeps no layout', async () => {
  await using cluster = await openCluster('memory:stateless')
  const copy = app('copy')
  copy.stream(visits).to(topic('copies', { key: string, value: string }))
  await using running = await copy.start({ cluster })
  await running.whenRunning()
  const names = (await listTopics(cluster)).map(({ name }) => name)
  assert.deepEqual(names.toSorted(), ['copies', 'visits'])
})

test('records of a repartition topic that nobody would read any more are not left behind', async () => {
  await using cluster = await openCluster('memory:unread')
  const repartitioned = (name: string, fails: boolean) => {
    const shop = app('shop')
    shop
      .stream(visits)
      .selectKey(page => page)
      .repartition({ name })
      .peek(() => {
        if (fails) throw new Error('not now')
      })
    return shop
  }
  {
    const failures: Error[] = []
    const onFailure = (error: Error) => void failures.push(error)
    await using running = await repartitioned('by-page', true).start({ cluster, ...committed, onFailure })
    await running.append(visits, 'a', '/a')
    await running.whenEnded()
    assert.match(failures[0]?.message ?? '', /not now/)
  }
  await assert.rejects(repartitioned('pages', false).start({ cluster, ...committed }), {
    code: 'TOPOLOGY_CHANGED',
    message: /"shop-by-page-repartition" has records that were not processed yet and would never be/,
  })
  {
    await using running = await repartitioned('by-page', false).start({ cluster, ...committed })
    await until(async () => {
      const reached = running.position() as Record<string, unknown>
      return JSON.stringify(reached).includes('by-page')
    })
  }
  await using running = await repartitioned('pages', false).start({ cluster, ...committed })
  await running.whenRunning()
})

test('a topic that the application keeps for itself cannot be its input', async () => {
  await using cluster = await openCluster('memory:own-topic')
  const shop = app('shop')
  shop.stream(topic('shop-topology', { key: string, value: string })).peek(() => {})
  await assert.rejects(shop.start({ cluster }), { code: 'INVALID_TOPOLOGY', message: /"shop-topology"/ })
})

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'evert-topology-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

test('an application whose changelogs a newer release may have written does not start', async () => {
  await using cluster = await openCluster('memory:newer-format')
  const own = 'shop-topology'
  await createTopics(cluster, [{ name: own, partitions: 1 }])
  await using producer = new Producer(cluster)
  const write = (key: string, value: string) =>
    producer.send({ topic: own, partition: 0, key: Buffer.from(key), value: Buffer.from(value) })
  const layout = { operators: [], stores: [], repartitions: [] }
  const start = () => counting(false).start({ cluster, ...committed })
  for (const [key, value] of [
    ['topology', layout],
    ['rewind', { id: 'x', isDone: true, offsets: [], internalTopics: [] }],
  ] as const) {
    await write(key, JSON.stringify({ format: 2, ...value }))
    await assert.rejects(start(), {
      code: 'NEWER_FORMAT',
      message: /"shop-topology" was written by a newer release \(format 2; this one knows 1\)/,
    })
    await write(key, '{"format":1}')
    await assert.rejects(start(), { code: 'DAMAGED_DATA' })
    await write(key, JSON.stringify({ format: 1, ...value }))
  }
  await using running = await start()
  await running.whenRunning()
})
