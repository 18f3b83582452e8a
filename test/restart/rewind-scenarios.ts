import assert from 'node:assert/strict'
import { join } from 'node:path'
import { listTopics } from '../../src/client/admin.ts'
import { StreamsMember } from '../../src/client/group/streams-member.ts'
import type { StreamsMemberOwner } from '../../src/client/group/streams-protocol.ts'
import { readTopic } from '../../src/client/read-topic.ts'
import {
  app,
  type App,
  type Cluster,
  int64,
  type Rewind,
  rewindApplication,
  type Running,
  string,
  topic,
  type Topic,
} from '../../src/index.ts'
import { groupTopology } from '../../src/streams/runtime/group-topology.ts'

export interface Pages {
  readonly id: string
  readonly visits: Topic<string, string>
  readonly byPage: Topic<string, number>
  readonly byUser: Topic<string, number>
  readonly application: () => App
}

/** Counts over a repartition topic, with a changelog; and counts that are kept on the disk alone. */
export function pagesOf(prefix: string): Pages {
  const visits = topic(`${prefix}visits`, { key: string, value: string, partitions: 2 })
  const byPage = topic(`${prefix}by-page`, { key: string, value: int64, partitions: 1 })
  const byUser = topic(`${prefix}by-user`, { key: string, value: int64, partitions: 1 })
  const id = `${prefix}pages`
  const application = (): App => {
    const pages = app(id)
    const read = pages.stream(visits)
    read
      .selectKey(page => page)
      .groupByKey({ name: 'page' })
      .count({ store: 'by-page' })
      .toStream()
      .to(byPage)
    read.groupByKey().count({ store: 'by-user', logged: false }).toStream().to(byUser)
    return pages
  }
  return { id, visits, byPage, byUser, application }
}

/** Visits at minutes 0, 1, 2 and 3. */
export const VISITS: readonly (readonly [user: string, page: string])[] = [
  ['ann', '/home'],
  ['bob', '/home'],
  ['ann', '/shop'],
  ['ann', '/home'],
]
export const MINUTE = 60_000

export async function visit(running: Running, { visits }: Pages): Promise<void> {
  for (const [minute, [user, page]] of VISITS.entries()) {
    await running.append(visits, user, page, { timestamp: minute * MINUTE })
  }
}

export type Pair = readonly [key: string, count: number]

/** What one run over all visits writes, sorted. */
export const BY_PAGE: readonly Pair[] = [
  ['/home', 1],
  ['/home', 2],
  ['/home', 3],
  ['/shop', 1],
]
export const BY_USER: readonly Pair[] = [
  ['ann', 1],
  ['ann', 2],
  ['ann', 3],
  ['bob', 1],
]

export function sorted(...pairs: Pair[]): Pair[] {
  return pairs.toSorted((a, b) => (a[0] === b[0] ? a[1] - b[1] : a[0] < b[0] ? -1 : 1))
}

/** All that was committed to a topic. */
export async function written(
  cluster: Cluster,
  { name, key, value }: Topic<string, number>,
): Promise<Pair[]> {
  const pairs: Pair[] = []
  for await (const { batches } of readTopic(cluster, name)) {
    for (const batch of batches) {
      const records = batch.records()
      for (let i = 0; i < records.count; i++) {
        const [k, v] = [records.key(i) ?? assert.fail(), records.value(i) ?? assert.fail()]
        pairs.push([key.decode(k), value.decode(v)])
      }
    }
  }
  return sorted(...pairs)
}

export async function untilWritten(cluster: Cluster, pages: Pages, runs: number): Promise<void> {
  // With heartbeats every five seconds a group on a busy Kafka takes its time.
  const deadline = performance.now() + 90_000
  for (;;) {
    const [a, b] = await Promise.all([written(cluster, pages.byPage), written(cluster, pages.byUser)])
    if (a.length >= BY_PAGE.length * runs && b.length >= BY_USER.length * runs) {
      assert.deepEqual(a, sorted(...Array.from({ length: runs }, () => BY_PAGE).flat()))
      assert.deepEqual(b, sorted(...Array.from({ length: runs }, () => BY_USER).flat()))
      return
    }
    assert.ok(performance.now() < deadline, `${a.length} and ${b.length} records were written`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

export async function internalTopics(cluster: Cluster, { id }: Pages): Promise<string[]> {
  return (await listTopics(cluster))
    .map(({ name }) => name)
    .filter(name => name.startsWith(`${id}-`))
    .toSorted()
}

/** By topic and partition: where it goes, and how many are read again. */
export function moves({ inputs }: Rewind): Record<string, [to: number | undefined, replayed: number]> {
  return Object.fromEntries(
    inputs.map(({ topic, partition, to, replayed }) => [`${topic}/${partition}`, [to, replayed]]),
  )
}

/** A whole story: run, try out, be refused, rewind, run again, on two disks one of which was away. */
export async function rewindToTheBeginning(
  cluster: Cluster,
  prefix: string,
  directory: string,
): Promise<void> {
  const pages = pagesOf(prefix)
  const { id } = pages
  const start = (disk: string) =>
    pages.application().start({ cluster, stateDir: join(directory, disk), commitIntervalMs: 10 })
  {
    await using running = await start('one')
    await visit(running, pages)
    await untilWritten(cluster, pages, 1)
    await assert.rejects(rewindApplication(id, { cluster, to: 'beginning' }), {
      code: 'APPLICATION_RUNNING',
      message: /its group has a member: .*Stop all instances/s,
    })
    await running.close()
  }
  const before = await internalTopics(cluster, pages)
  assert.deepEqual(before, [`${id}-by-page-changelog`, `${id}-page-repartition`, `${id}-topology`])

  const tried = await rewindApplication(id, { cluster, to: 'beginning', dryRun: true })
  assert.equal(tried.isDone, false)
  assert.deepEqual(tried.internalTopics, before.slice(0, 2))
  assert.deepEqual(tried.outputTopics, [pages.byPage.name, pages.byUser.name])
  assert.equal(
    tried.inputs.reduce((sum, { replayed }) => sum + replayed, 0),
    VISITS.length,
  )
  assert.deepEqual(await internalTopics(cluster, pages), before)

  const done = await rewindApplication(id, { cluster, to: 'beginning' })
  assert.deepEqual({ ...done, isDone: false }, tried)
  assert.deepEqual(await internalTopics(cluster, pages), [`${id}-topology`])
  // The disk 'one' was not within reach: its instance knows by itself.
  {
    await using _running = await start('one')
    await untilWritten(cluster, pages, 2)
  }
  await rewindApplication(id, { cluster, to: 'beginning', stateDir: join(directory, 'one') })
  {
    await using _running = await start('two')
    await untilWritten(cluster, pages, 3)
  }
  // State of a disk that was away since the rewind before is not taken up either.
  await rewindApplication(id, { cluster, to: 'beginning' })
  await using _running = await start('one')
  await untilWritten(cluster, pages, 4)
}

/** An instance that answers is asked to close; one that hangs is taken out, and is an instance like any other later. */
export async function stopByForce(cluster: Cluster, prefix: string, directory: string): Promise<void> {
  const pages = pagesOf(prefix)
  const { id } = pages
  const running = await pages
    .application()
    .start({ cluster, stateDir: join(directory, 'one'), commitIntervalMs: 10 })
  await visit(running, pages)
  await untilWritten(cluster, pages, 1)
  const { members } = await rewindApplication(id, {
    cluster,
    to: 'beginning',
    force: true,
    stateDir: join(directory, 'one'),
  })
  assert.equal(members.length, 1)
  await running.whenEnded()
  assert.equal(running.state, 'NOT_RUNNING')
  await using again = await pages.application().start({ cluster, stateDir: join(directory, 'one') })
  await untilWritten(cluster, pages, 2)

  // One that lives on, whatever it is asked: nothing is done, and others may start.
  const member = () =>
    new StreamsMember(cluster, NOBODY, {
      groupId: id,
      processId: 'other',
      topology: groupTopology(pages.application().topology()),
    })
  await again.close()
  await using stubborn = member()
  await stubborn.start()
  const force = { cluster, to: 'end', force: true, stopTimeoutMs: 200 } as const
  await assert.rejects(rewindApplication(id, force), { code: 'APPLICATION_RUNNING' })
  await stubborn.close()
  {
    await using unchanged = await pages.application().start({ cluster, stateDir: join(directory, 'one') })
    await unchanged.whenRunning()
  }

  // A member that does not answer: nobody knows whether it is gone.
  await using _gone = member()
  await _gone.start()
  await _gone.abandon()
  await assert.rejects(rewindApplication(id, { cluster, to: 'end' }), { code: 'APPLICATION_RUNNING' })
  await rewindApplication(id, force)
  await using last = await pages.application().start({ cluster, stateDir: join(directory, 'one') })
  await last.whenRunning()
  assert.equal((await written(cluster, pages.byPage)).length, BY_PAGE.length * 2)
}

/** Owns nothing. */
const NOBODY: StreamsMemberOwner = {
  onAssignment() {},
  owned: () => ({ active: [], standby: [], warmup: [] }),
  onLost() {},
  onStatus() {},
  onEndpoints() {},
  onFatal() {},
}
