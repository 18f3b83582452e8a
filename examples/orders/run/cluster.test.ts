import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { isEvertError, openCluster } from 'evert'
import { openEmbedded } from 'evert/broker'
import { openLog, orAnyPort } from './cluster.ts'

function newDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'evert-orders-log-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}

test('Kafka clients reach the log where the URL says', async t => {
  const { cluster, kafkaUrl } = await openLog(undefined, newDirectory(t), 0)
  await using ours = cluster
  await using theirs = await openCluster(kafkaUrl)
  assert.deepEqual(await theirs.metadata.all(), await ours.metadata.all())
})

test('a directory that another process runs on is refused with its address', async t => {
  const directory = newDirectory(t)
  // Not through openCluster: what the lock says is the same as when another process has it.
  const owner = await openEmbedded(`file:${directory}`)
  assert.equal(owner.kind, 'owner')
  const { port } = owner.broker.address
  await assert.rejects(openLog(undefined, directory, undefined), {
    message: `Another process runs on ${directory} (its log is at kafka://127.0.0.1:${port}). Stop it, or choose another --data.`,
  })
  await owner.close()
})

test('the usual port gives way to any free one; a port that was asked for does not', async t => {
  const { cluster, kafkaUrl } = await openLog(undefined, newDirectory(t), 0)
  await using _taken = cluster
  const taken = Number(new URL(kafkaUrl).port)
  const directory = newDirectory(t)
  const open = (port: number) => openCluster(`file:${directory}`, { listener: { port } })
  await assert.rejects(orAnyPort(taken, taken, open), error => isEvertError(error, 'CONNECTION'))
  await using _elsewhere = await orAnyPort(undefined, taken, open)
})
