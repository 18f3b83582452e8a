import assert from 'node:assert/strict'
import { test } from 'node:test'
import { app } from '../../src/app/app.ts'
import { openCluster } from '../../src/app/open-cluster.ts'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'

const options = { store: 'memory', commitIntervalMs: 10 } as const

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, 'it did not become so within 15 s')
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

test('repeats under keys of other partitions meet by their id, also after a restart from the changelogs', async () => {
  await using cluster = await openCluster('memory:operators-deduplicate')
  const requests = topic('requests', { key: string, value: string, partitions: 3 })
  const describe = () => {
    const gate = app('gate')
    const counted = gate
      .stream(requests)
      .deduplicate(id => id, { withinMs: 60_000, acrossKeys: true, name: 'once' })
      .groupBy(id => id, { name: 'by-id' })
      .count({ store: 'counted' })
      .view('counted')
    return { gate, counted }
  }
  const send = async (
    running: { append(to: typeof requests, key: string, id: string, at: object): Promise<unknown> },
    ids: number,
  ) => {
    const appended: Promise<unknown>[] = []
    for (let i = 0; i < ids * 4; i++) {
      appended.push(running.append(requests, `account-${i % 7}`, `id-${i % ids}`, { timestamp: 1_000 + i }))
    }
    await Promise.all(appended)
  }
  const first = describe()
  {
    await using running = await first.gate.start({ cluster, ...options })
    await send(running, 100)
    await until(async () => (await first.counted.find()).rows.length === 100)
  }
  const second = describe()
  await using running = await second.gate.start({ cluster, ...options })
  await send(running, 120)
  await until(async () => (await second.counted.find()).rows.length === 120)
  const { rows } = await second.counted.find()
  assert.deepEqual(
    rows.filter(({ value }) => value !== 1),
    [],
  )
})

test('rows that expired stay away when state is restored from the changelog', async () => {
  await using cluster = await openCluster('memory:operators-expiry')
  const beats = topic('beats', { key: string, value: int64, partitions: 2 })
  const describe = () => {
    const fleet = app('fleet')
    return { fleet, devices: fleet.table(beats, { ttlMs: 1_000, store: 'devices' }).view('devices') }
  }
  const keys = async ({ devices }: ReturnType<typeof describe>) =>
    (await devices.find()).rows.map(({ key }) => key).toSorted()
  const young = Array.from({ length: 20 }, (_, i) => `young-${i}`).toSorted()
  const first = describe()
  {
    await using running = await first.fleet.start({ cluster, ...options })
    for (let i = 0; i < 20; i++) await running.append(beats, `old-${i}`, i, { timestamp: 1_000 })
    await until(async () => (await keys(first)).length === 20)
    for (let i = 0; i < 20; i++) await running.append(beats, `young-${i}`, i, { timestamp: 2_500 })
    await until(async () => (await keys(first)).length === 20 && (await keys(first)).includes('young-19'))
    assert.deepEqual(await keys(first), young)
  }
  const second = describe()
  await using running = await second.fleet.start({ cluster, ...options })
  await until(async () => (await keys(second)).length === 20)
  assert.deepEqual(await keys(second), young)
  // As late as the old ones were: they would have expired.
  await running.append(beats, 'old-1', 1, { timestamp: 1_400 })
  await running.append(beats, 'young-1', 2, { timestamp: 2_600 })
  await until(async () => (await second.devices.get('young-1')) === 2)
  assert.deepEqual(await keys(second), young)
})
