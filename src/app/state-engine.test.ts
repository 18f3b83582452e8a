import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { int64, string } from '../contracts/codecs.ts'
import { topic } from '../contracts/topic.ts'
import { app } from './app.ts'
import { openCluster } from './open-cluster.ts'

const numbers = topic('numbers', { key: string, value: int64, partitions: 1 })

async function startIn(url: string, options: { stateDir?: string } = {}): Promise<void> {
  await using cluster = await openCluster(url)
  const built = app('stateful')
  const totals = built.table(numbers).view('totals')
  await using running = await built.start({ cluster, ...options })
  const { position } = await running.append(numbers, 'a', 1)
  assert.equal(await totals.get('a', { minPosition: position }), 1)
}

test('the state of a log in memory is in memory too, also when the cluster was opened before', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'evert-state-'))
  const before = process.cwd()
  process.chdir(directory)
  try {
    await startIn('memory:stateless')
    assert.deepEqual(readdirSync(directory), [])
    await startIn('memory:stateless', { stateDir: 'here' })
    assert.deepEqual(readdirSync('here'), ['stateful'])
    await startIn('file:log')
    assert.deepEqual(readdirSync(directory).toSorted(), ['.evert', 'here', 'log'])
  } finally {
    process.chdir(before)
  }
})
