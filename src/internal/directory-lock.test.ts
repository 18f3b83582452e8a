import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { isEvertError } from '../errors.ts'
import { acquireLock, type DirectoryLock, directoryInUse } from './directory-lock.ts'

const LOCK_MODULE = join(import.meta.dirname, 'directory-lock.ts')
/** Waits for a line, tries to take the lock, prints the result, and stays until its input ends. */
const TAKER = `
  import { acquireLock } from ${JSON.stringify(LOCK_MODULE)}
  process.stdin.once('data', async () => {
    const taken = acquireLock(process.argv[1])
    if (taken.acquired) taken.lock.updateLock({ host: '127.0.0.1', port: 4242 })
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

function acquired(directory: string): DirectoryLock {
  const result = acquireLock(directory)
  assert.ok(result.acquired)
  return result.lock
}

test('a directory has one owner, who is named with its address until it releases', async context => {
  const directory = join(directoryFor(context), 'made', 'when missing')
  const lock = acquired(directory)
  assert.deepEqual(acquireLock(directory), { acquired: false, owner: { pid: process.pid } })
  lock.updateLock({ host: '::1', port: 9092 })
  const owner = { pid: process.pid, host: '::1', port: 9092 }
  assert.deepEqual(acquireLock(directory), { acquired: false, owner })
  lock.release()
  lock.release()
  acquired(directory).release()
  assert.equal(readdirSync(directory).length, 1)
})

test('another process sees the owner; after kill -9 its lock is taken over', async context => {
  const directory = directoryFor(context)
  const first = await taker(context, directory)
  assert.equal((await taken(first)).acquired, true)
  const owner = { pid: first.child.pid!, host: '127.0.0.1', port: 4242 }
  assert.deepEqual(acquireLock(directory), { acquired: false, owner })
  await killed(first)
  const lock = acquired(directory)
  const second = await taker(context, directory)
  assert.deepEqual(await taken(second), { acquired: false, owner: { pid: process.pid } })
  lock.release()
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

test('the lock of a process that was killed this instant is taken over, before anyone noted its end', async context => {
  for (let round = 0; round < 5; round++) {
    const directory = directoryFor(context)
    const first = await taker(context, directory)
    assert.equal((await taken(first)).acquired, true)
    first.child.kill('SIGKILL')
    // No turn of the event loop since: this process, the parent, has not been told, so the child is a zombie at best.
    acquired(directory).release()
  }
})

test('of several takers in one process exactly one wins', context => {
  const directory = directoryFor(context)
  for (let round = 0; round < 3; round++) {
    const results = Array.from({ length: 4 }, () => acquireLock(directory))
    const winners = results.filter(result => result.acquired)
    assert.equal(winners.length, 1)
    winners[0]!.lock.release()
  }
})

/** Takes the directory, and then changes what the lock file says. */
function rewritten(directory: string, change: object): { lock: DirectoryLock; path: string } {
  const lock = acquired(directory)
  const path = join(directory, readdirSync(directory)[0]!)
  writeFileSync(path, JSON.stringify({ ...contentOf(path), ...change }))
  return { lock, path }
}

function contentOf(path: string): { pid: number; boot: string; namespace: string; start: string } {
  return JSON.parse(readFileSync(path, 'utf8')) as ReturnType<typeof contentOf>
}

const isToldByProc = existsSync('/proc/self/ns/pid')
const skip = isToldByProc ? false : 'this system does not say when, and where, a process started'

/** A start that no process has. */
const LONG_AGO = '999999999999'
const OTHER_BOOT = '00000000-0000-4000-8000-000000000000'
const OTHER_NAMESPACE = 'pid:[7]'

const stale: Record<string, object> = {
  'whose process number was given to another process': { start: LONG_AGO },
  'of an earlier run of this machine': { boot: OTHER_BOOT },
  'of this container before it was started again': { namespace: OTHER_NAMESPACE, start: LONG_AGO },
  'of this machine before it was renamed, whose process is gone': { hostname: 'old.name', start: LONG_AGO },
}
for (const [what, change] of Object.entries(stale))
  test(`a lock ${what} is taken over`, { skip }, context => {
    const directory = directoryFor(context)
    rewritten(directory, change)
    acquired(directory).release()
  })

test('a lock of this machine before it was renamed stands while its process lives', { skip }, context => {
  const directory = directoryFor(context)
  rewritten(directory, { hostname: 'old.name' })
  assert.deepEqual(acquireLock(directory), { acquired: false, owner: { pid: process.pid } })
})

test('a lock of a container of this machine stands while a process of that start is seen', {
  skip,
}, context => {
  const directory = directoryFor(context)
  rewritten(directory, { pid: 1, namespace: OTHER_NAMESPACE })
  assert.deepEqual(acquireLock(directory), { acquired: false, owner: { pid: 1 } })
})

test('a lock of another host stands, and the error names the file and both ways out', context => {
  const directory = directoryFor(context)
  const { path } = rewritten(directory, { pid: 17, hostname: 'else.where', boot: OTHER_BOOT })
  const result = acquireLock(directory)
  assert.deepEqual(result, {
    acquired: false,
    owner: { pid: 17, beyond: { hostname: 'else.where', path } },
  })
  assert.ok(!result.acquired)
  const error = directoryInUse('The data directory x', result.owner, '')
  assert.ok(isEvertError(error, 'DIRECTORY_IN_USE'))
  for (const part of ['process 17', '"else.where"', hostname(), path]) assert.ok(error.message.includes(part))
  rmSync(path)
  acquired(directory).release()
})

test('a lock file that a power cut left empty is stale', context => {
  const directory = directoryFor(context)
  writeFileSync(join(directory, 'lock.7'), '')
  acquired(directory).release()
  assert.deepEqual(readdirSync(directory), ['lock.8'])
})

test('a lock that does not say when its process started stands while the number is in use', context => {
  const directory = directoryFor(context)
  const content = { format: 1, pid: process.pid, hostname: hostname(), identity: 'of an earlier release' }
  writeFileSync(join(directory, 'lock.1'), JSON.stringify(content))
  assert.equal(acquireLock(directory).acquired, false)
})
