import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { app, openCluster, string, topic } from '../../src/index.ts'

async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!isSo()) {
    assert.ok(performance.now() < deadline, 'it is not so within 20 s')
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

test('state of tasks that went to another instance goes too, and comes back with them', {
  timeout: 60_000,
}, async t => {
  const directory = mkdtempSync(join(tmpdir(), 'evert-cleanup-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  await using cluster = await openCluster(`file:${join(directory, 'log')}`)
  const visits = topic('visits', { key: string, value: string, partitions: 4 })
  const start = async (disk: string) => {
    const stats = app('stats')
    const view = stats.stream(visits).groupByKey().count().view('counts')
    const stateDir = join(directory, disk)
    const running = await stats.start({ cluster, stateDir, commitIntervalMs: 5, stateCleanupDelayMs: 200 })
    return { running, view }
  }
  const tasksOn = (disk: string): string[] => {
    const place = join(directory, disk, 'stats')
    return existsSync(place) ? readdirSync(place).filter(name => /^\d+_\d+$/.test(name)) : []
  }
  const one = await start('one')
  for (let i = 0; i < 40; i++) await one.running.append(visits, `user-${i}`, 'x')
  await until(
    () => Object.values(one.running.position().visits ?? {}).reduce((sum, next) => sum + next, 0) === 40,
  )
  assert.equal(tasksOn('one').length, 4)
  const two = await start('two')
  await until(() => tasksOn('one').length === 2)
  await until(() => tasksOn('two').length === 2)
  assert.equal(new Set([...tasksOn('one'), ...tasksOn('two')]).size, 4)
  await two.running.close()
  await until(() => tasksOn('one').length === 4)
  await one.running.whenRunning()
  assert.equal((await one.view.find({})).rows.length, 40)
  await one.running.close()
})
