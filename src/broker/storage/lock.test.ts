import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { isEvertError } from '../../errors.ts'
import { acquireLock, type DirectoryLock } from './lock.ts'
import { openFileStorage } from './storage.ts'

const LOCK_MODULE = join(import.meta.dirname, 'lock.ts')
/** Waits for a line, tries to take the lock, prints the result, and stays until its input ends. */
const TAKER = `
  import { acquireLock } from ${JSON.stringify(LOCK_MODULE)}
  process.stdin.once('data', async () => {
    const taken = await acquireLock(process.argv[1])
    if (taken.acquired) await taken.lock.updateLock({ host: '127.0.0.1', port: 4242 })
    console.log(JSON.stringify(taken.acquired ? { acquired: true } : taken))
  })
  process.stdin.on('end', () => process.exit())
  console.log('ready')
`

interface Taker {
  readonly child: ChildProcess
  /** Says what the process prints next. */
  next(): Promise<string>
}

function directoryFor(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'evert-lock-'))
  context.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

async function taker(context: TestContext, directory: string): Promise<Taker> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', TAKER, directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  context.after(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => String((await lines.next()).value)
  assert.equal(await next(), 'ready')
  return { child, next }
}

async function taken(taker: Taker): Promise<{ acquired: boolean; owner?: object }> {
  taker.child.stdin!.write('go\n')
  return JSON.parse(await taker.next()) as { acquired: boolean; owner?: object }
}

async function killed({ child }: Taker): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

async function acquired(directory: string): Promise<DirectoryLock> {
  const result = await acquireLock(directory)
  assert.ok(result.acquired)
  return result.lock
}

test('a directory has one owner, who is named with its address until it releases', async context => {
  const directory = join(directoryFor(context), 'made', 'when missing')
  const lock = await acquired(directory)
  assert.deepEqual(await acquireLock(directory), { acquired: false, owner: { pid: process.pid } })
  await lock.updateLock({ host: '::1', port: 9092 })
  const owner = { pid: process.pid, host: '::1', port: 9092 }
  assert.deepEqual(await acquireLock(directory), { acquired: false, owner })
  await lock.release()
  await lock.release()
  await (await acquired(directory)).release()
  assert.equal(readdirSync(directory).length, 1)
})

test('another process sees the owner; after kill -9 its lock is taken over', async context => {
  const directory = directoryFor(context)
  const first = await taker(context, directory)
  assert.equal((await taken(first)).acquired, true)
  const owner = { pid: first.child.pid!, host: '127.0.0.1', port: 4242 }
  assert.deepEqual(await acquireLock(directory), { acquired: false, owner })
  await killed(first)
  const lock = await acquired(directory)
  const second = await taker(context, directory)
  assert.deepEqual(await taken(second), { acquired: false, owner: { pid: process.pid } })
  await lock.release()
})

test('of several processes that find the same dead owner exactly one wins', async context => {
  const directory = directoryFor(context)
  const takers = await Promise.all(Array.from({ length: 6 }, () => taker(context, directory)))
  const dead = takers.pop()!
  assert.equal((await taken(dead)).acquired, true)
  await killed(dead)
  const results = await Promise.all(takers.map(taken))
  assert.equal(results.filter(result => result.acquired).length, 1)
})

test('of many takers in one process exactly one wins, round after round', async context => {
  const directory = directoryFor(context)
  for (let round = 0; round < 20; round++) {
    const results = await Promise.all(Array.from({ length: 10 }, () => acquireLock(directory)))
    const winners = results.filter(result => result.acquired)
    assert.equal(winners.length, 1)
    await winners[0]!.lock.release()
  }
})

test('a lock whose process number was given to another process is stale', async context => {
  const directory = directoryFor(context)
  const lock = await acquired(directory)
  const path = join(directory, 'lock.1')
  const content = JSON.parse(readFileSync(path, 'utf8')) as { identity: string }
  if (content.identity === '') return context.skip('this system does not say when a process started')
  assert.equal((await acquireLock(directory)).acquired, false)
  writeFileSync(path, JSON.stringify({ ...content, identity: `${content.identity}0` }))
  await (await acquired(directory)).release()
  return await lock.release()
})

test('a lock file that a power cut left empty is stale; one of another machine is not', async context => {
  const directory = directoryFor(context)
  writeFileSync(join(directory, 'lock.7'), '')
  const lock = await acquired(directory)
  const path = join(directory, 'lock.8')
  const content = JSON.parse(readFileSync(path, 'utf8')) as object
  writeFileSync(path, JSON.stringify({ ...content, pid: 2 ** 22 + 1, hostname: 'somewhere.else' }))
  assert.deepEqual(await acquireLock(directory), { acquired: false, owner: { pid: 2 ** 22 + 1 } })
  await lock.release()
})

test('a file storage holds its directory until it is closed', async context => {
  const directory = directoryFor(context)
  const storage = await openFileStorage(directory)
  await assert.rejects(
    openFileStorage(directory),
    error => isEvertError(error, 'DIRECTORY_IN_USE') && error.message.includes(`process ${process.pid}`),
  )
  await storage.close()
  const again = await openFileStorage(directory)
  assert.equal(again.clusterId, storage.clusterId)
  await again.close()
})
