import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { isEvertError } from '../../errors.ts'
import { FileDisk } from './file-disk.ts'
import type { LogStorage } from './log-storage.ts'
import { MemoryDisk } from './memory-disk.ts'
import { seededRandom } from '../../internal/random.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import { openFileStorage, openMemoryStorage, openStorage } from './storage.ts'
import { batchOf, contentOf } from './test-batches.ts'

function directoryFor(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'evert-storage-'))
  context.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

test('topics are made, grown, configured and deleted, and a reopened storage knows it', async () => {
  const disk = new SimulatedDisk(seededRandom(1))
  const storage = await openStorage(disk)
  await storage.createTopic('a', 1, { 'segment.bytes': '1000' })
  const b = await storage.createTopic('b', 2, {})
  await storage.growTopic('a', 3)
  await storage.configureTopic('a', { 'retention.ms': '5' })
  await b.partitions[1]!.append(batchOf(['gone']))
  const append = b.partitions[0]!.append(batchOf(['on its way']))
  await storage.deleteTopic('b')
  assert.equal((await append).code, 0)
  assert.equal((await b.partitions[0]!.append(batchOf(['late']))).code, 3)
  await assert.rejects(storage.createTopic('a', 1, {}), isRefused)
  await assert.rejects(storage.deleteTopic('b'), isRefused)

  const again = await openStorage(disk.after())
  assert.equal(again.clusterId, storage.clusterId)
  assert.match(again.clusterId, /^[\w-]{22}$/)
  assert.deepEqual(
    again.topics().map(({ name, configs, partitions }) => [name, configs, partitions.length]),
    [['a', { 'retention.ms': '5' }, 3]],
  )
  const { id } = again.topic('a')!
  assert.equal(id, storage.topic('a')!.id)
  assert.equal(again.topicById(id), again.topic('a'))
  const anew = await again.createTopic('b', 2, {})
  assert.notEqual(anew.id, b.id)
  assert.deepEqual(await contentOf(anew.partitions[1]!), [])
})

test('no topic name becomes part of a path', async context => {
  const directory = directoryFor(context)
  const storage = await openFileStorage(directory)
  const names = ['..', '../../evil', 'a/b', 'CON', 'A', 'a', '\0', 'ü']
  for (const name of names)
    await (await storage.createTopic(name, 1, {})).partitions[0]!.append(batchOf([name]))
  await storage.close()
  const paths = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  const topics = paths.filter(path => path.startsWith(`topics`) && path.endsWith('.log'))
  assert.equal(topics.length, names.length)
  for (const path of topics) assert.match(path, /^topics.[0-9a-f]{32}.0.0{20}\.log$/)
  const again = await openFileStorage(directory)
  for (const name of names)
    assert.deepEqual(await contentOf(again.topic(name)!.partitions[0]!), [`0 ${name}`])
  await again.close()
})

test('the memory log and the file log answer alike', async context => {
  const file = await openFileStorage(directoryFor(context), { tailCacheBytes: 0 })
  const memory = await openMemoryStorage()
  const [ofFile, ofMemory] = [await story(file), await story(memory)]
  assert.deepEqual(ofFile, ofMemory)
  assert.ok(ofFile.length > 300)
  await file.close()
  await memory.close()
})

async function story(storage: LogStorage): Promise<unknown[]> {
  const log = (await storage.createTopic('t', 1, { 'segment.bytes': '3000' })).partitions[0]!
  const random = seededRandom(5)
  const told: unknown[] = []
  for (let at = 0; at < 300; at++) {
    const values = Array.from({ length: 1 + Math.floor(random() * 5) }, () => 'y'.repeat(random() * 200))
    const timestampMs = Math.floor(random() * 1000)
    told.push(await log.append(batchOf(values, { timestampMs })))
    if (at % 50 === 49) told.push(await log.deleteBefore(Math.floor(random() * log.highWatermark)))
    if (at % 10 === 9) told.push(await log.offsetForTimestamp(timestampMs, log.highWatermark))
  }
  told.push(await log.maxTimestamp(), log.sizeBytes, await contentOf(log))
  return told
}

test('both disks keep what is written over, cut and renamed', async context => {
  for (const disk of [new FileDisk(directoryFor(context)), new MemoryDisk()]) {
    const file = await disk.open('a/b/one')
    await file.write([Buffer.from('hello '), Buffer.alloc(0), Buffer.from('world')], 0)
    await file.write([Buffer.from('LO')], 3)
    await file.write([Buffer.from('!')], 12)
    await file.sync()
    assert.equal((await file.read(2, 100)).toString(), 'lLO world\0!')
    await file.truncate(5)
    assert.deepEqual([file.sizeBytes, (await file.read(3, 1)).toString()], [5, 'L'])
    assert.equal((await file.read(5, 10)).length, 0)
    await file.close()
    await disk.rename('a/b/one', 'a/two')
    await disk.syncDirectory('a')
    assert.deepEqual(
      (await disk.list('a')).filter(entry => entry.sizeBytes === 5).map(entry => entry.name),
      ['two'],
    )
    await disk.remove('a')
    await disk.remove('a')
    assert.deepEqual(await disk.list('a'), [])
  }
})

const WRITER = `
  import { openFileStorage } from ${JSON.stringify(join(import.meta.dirname, 'storage.ts'))}
  import { batchOf } from ${JSON.stringify(join(import.meta.dirname, 'test-batches.ts'))}
  const storage = await openFileStorage(process.argv[1], { recoveryPointMs: 5 })
  const topic = storage.topic('t') ?? await storage.createTopic('t', 1, { 'segment.bytes': '20000' })
  const log = topic.partitions[0]
  for (;;) {
    const base = log.logEndOffset
    const results = await Promise.all([0, 1, 2].map(at => log.append(batchOf(['value ' + (base + at)]))))
    console.log(results.at(-1).baseOffset)
  }
`

test('a process that is killed with -9 while it writes leaves every acknowledged record', async context => {
  const directory = directoryFor(context)
  for (let round = 0; round < 5; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', WRITER, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    context.after(() => child.kill('SIGKILL'))
    let acknowledged = -1
    let count = 0
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Math.max(acknowledged, Number(line))
      // What is still on its way through the pipe after the kill counts too.
      if (++count === 50 + round * 7) child.kill('SIGKILL')
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    const storage = await openFileStorage(directory)
    const log = storage.topic('t')!.partitions[0]!
    const content = await contentOf(log, { maxBytes: 100_000 })
    assert.ok(acknowledged >= 149 && content.length > acknowledged)
    assert.deepEqual(
      content,
      content.map((_, at) => `${at} value ${at}`),
    )
    await storage.close()
  }
})

const FIXTURE = join(import.meta.dirname, 'fixtures', 'format-1')

test('a data directory of format 1, as committed, opens after a close and after a kill', async context => {
  for (const state of ['closed', 'killed']) {
    const directory = join(directoryFor(context), state)
    cpSync(join(FIXTURE, state), directory, { recursive: true })
    const storage = await openFileStorage(directory)
    assert.equal(storage.clusterId, 'AAECAwQFBgcICQoLDA0ODw')
    assert.deepEqual([...storage.journal.entries('offset/')], [['offset/group', { committed: 3 }]])
    const topic = storage.topic('orders')!
    assert.deepEqual([topic.partitions.length, topic.configs], [2, { 'segment.bytes': '400' }])
    const log = topic.partitions[0]!
    assert.deepEqual(await contentOf(log), [
      '2 second',
      '3 in an aborted transaction',
      '5 third',
      '6 fourth',
      '7 in an open transaction',
    ])
    assert.deepEqual([log.logStartOffset, log.lastStableOffset, log.highWatermark], [2, 7, 8])
    assert.deepEqual(log.abortedTransactions(0, 8), [{ producerId: 9, firstOffset: 3 }])
    assert.deepEqual(log.openTransaction(9), { epoch: 1, firstOffset: 7 })
    assert.deepEqual(await log.offsetForTimestamp(1_700_000_000_003, 8), {
      offset: 5,
      timestampMs: 1_700_000_000_003,
    })
    const repeated = await log.append(batchOf(['fourth'], { producer: [8, 0, 1], timestampMs: 5 }))
    assert.equal(repeated.baseOffset, 6)
    assert.equal((await log.append(batchOf(['new']))).baseOffset, 8)
    await storage.close()
  }
})

function isRefused(error: unknown): boolean {
  return isEvertError(error, 'INVALID_ARGUMENT')
}
test('a file storage holds its directory until it is closed', async context => {
  const directory = directoryFor(context)
  const storage = await openFileStorage(directory)
  await assert.rejects(
    openFileStorage(directory),
    error =>
      isEvertError(error, 'DIRECTORY_IN_USE') && error.message.includes(`this process (${process.pid})`),
  )
  await storage.close()
  const again = await openFileStorage(directory)
  assert.equal(again.clusterId, storage.clusterId)
  await again.close()
})
