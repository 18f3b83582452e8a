import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import { readTopic } from '../../src/client/read-topic.ts'
import { startApplication } from '../../src/streams/runtime/application.ts'
import { LmdbEngine } from '../../src/streams/state/lmdb.ts'
import { committedCounts, countingTopology, upTo, words } from '../exactly-once/counting.ts'

const KILLS = 8

test('a process that is killed again and again counts every acknowledged word exactly once', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'evert-kill-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  let next = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const child = spawn(
      process.execPath,
      [
        '--conditions=evert-source',
        join(import.meta.dirname, 'counting-process.ts'),
        directory,
        String(next),
        '1000000',
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const exited = new Promise(resolve => child.once('exit', resolve))
    // At another moment of the loop each time: early after the start, or with many commits behind.
    const killAt = next + 5 + ((kill * 37) % 150)
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.startsWith('running')) continue
      next = Number(line) + 1
      if (next === killAt) child.kill('SIGKILL')
    }
    await exited
  }

  await using cluster = await openCluster(`file:${directory}`)
  const expected = await wordsWritten(cluster)
  const acknowledged = next
  const total = [...expected.values()].reduce((sum, count) => sum + count, 0)
  assert.ok(total >= acknowledged, `${acknowledged} words were acknowledged, ${total} are in the log`)
  const engine = new LmdbEngine(join(directory, 'state'))
  const application = await startApplication({ topology: countingTopology('counting'), cluster, engine })
  for (;;) {
    const found = await committedCounts(cluster)
    const sum = [...found.values()].reduce((sum, counts) => sum + counts.length, 0)
    if (sum < total) {
      await new Promise(resolve => setTimeout(resolve, 50))
      continue
    }
    for (const [word, count] of expected) assert.deepEqual(found.get(word), upTo(count), word)
    break
  }
  await application.close()
  await engine.close()
})

async function wordsWritten(cluster: Awaited<ReturnType<typeof openCluster>>): Promise<Map<string, number>> {
  const written = new Map<string, number>()
  for await (const { batches } of readTopic(cluster, words.name)) {
    for (const batch of batches) {
      const columns = batch.records()
      for (let i = 0; i < columns.count; i++) {
        const word = String(columns.value(i))
        written.set(word, (written.get(word) ?? 0) + 1)
      }
    }
  }
  return written
}
