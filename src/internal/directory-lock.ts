import { randomBytes } from 'node:crypto'
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { EvertError } from '../errors.ts'
import { assert } from './assert.ts'
import { makeDirectory, unusableDirectory } from './make-directory.ts'
import {
  fateBeyond,
  fateOf,
  ownIdentity,
  type ProcessFate,
  type ProcessIdentity,
} from './process-identity.ts'

const LOCK_FILE = /^lock\.(\d+)$/
const LOCK_FORMAT = 1
/** How long the last threads of a killed process are waited for. */
const DYING_MS = 2000
const POLL_MS = 2

/** Who owns a directory, and where it listens, once it does. */
export interface LockOwner {
  readonly pid: number
  readonly host?: string
  readonly port?: number
  /** Set when nothing can be known of the owner from here: it is on another machine, or in a container. */
  readonly beyond?: { readonly hostname: string; readonly path: string }
}

export interface DirectoryLock {
  /** Tells other processes where the owner listens. */
  updateLock(address: { readonly host: string; readonly port: number }): void
  release(): void
}

export type LockResult =
  | { readonly acquired: true; readonly lock: DirectoryLock }
  | { readonly acquired: false; readonly owner: LockOwner }

/** What a lock file says. */
interface LockContent extends ProcessIdentity {
  readonly format: number
  readonly pid: number
  readonly hostname: string
  readonly host?: string
  readonly port?: number
  readonly released?: true
}

/**
 * Takes a directory (made when missing) for one owner at a time, within this process and across processes. Throws DISK
 * when it cannot be made, read or written.
 *
 * Algorithm: lock files are numbered, `lock.1`, `lock.2`, …; the highest one counts. Whoever finds that its owner has
 * released it or is gone makes the next number, with its content, in one atomic step that fails when the number is
 * there already (a hard link of a file prepared beside it). Then it looks again: it owns the directory if its number
 * is the highest, and removes all lower ones. An owner that was killed but has not quite ended is waited for.
 *
 * State: the files alone. A release leaves the file, marked, so that numbers never fall back.
 *
 * Why it is correct: of all who saw the same dead owner, one makes the next number. One who saw an older state may
 * find its number free, because it was cleaned up; but then a higher one was made before the clean-up, and the second
 * look sees it. It assumes what `fateOfOwner` says of host names. Everything is synchronous: it happens once, at start.
 */
export function acquireLock(directory: string): LockResult {
  makeDirectory(directory)
  try {
    return acquired(directory)
  } catch (cause) {
    throw unusableDirectory(directory, cause)
  }
}

function acquired(directory: string): LockResult {
  const deadlineMs = performance.now() + DYING_MS
  for (;;) {
    const highest = Math.max(0, ...lockNumbers(directory))
    const path = lockPath(directory, highest)
    const current = highest === 0 ? undefined : contentOf(path)
    const fate = current === undefined ? 'gone' : fateOfOwner(current)
    if (fate === 'dying' && performance.now() < deadlineMs) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS)
      continue
    }
    if (current !== undefined && fate !== 'gone')
      return { acquired: false, owner: ownerOf(current, fate === 'unknown' ? path : undefined) }
    const number = highest + 1
    if (!isMade(directory, number)) continue
    const numbers = lockNumbers(directory)
    if (Math.max(...numbers) > number) {
      rmSync(lockPath(directory, number), { force: true })
      continue
    }
    for (const lower of numbers) if (lower < number) rmSync(lockPath(directory, lower), { force: true })
    return { acquired: true, lock: new HeldLock(directory, number) }
  }
}

/** Who owns a directory at this moment, without taking it; undefined when nobody (any more) does. */
export function currentOwner(directory: string): LockOwner | undefined {
  const highest = Math.max(0, ...lockNumbers(directory))
  const path = lockPath(directory, highest)
  const content = highest === 0 ? undefined : contentOf(path)
  if (content === undefined) return undefined
  const fate = fateOfOwner(content)
  if (fate === 'gone' || fate === 'dying') return undefined
  return ownerOf(content, fate === 'unknown' ? path : undefined)
}

/** The error for a directory that another owner has; the advice says what to do while that one lives. */
export function directoryInUse(what: string, owner: LockOwner, advice: string): EvertError {
  const { pid, beyond } = owner
  if (beyond !== undefined)
    return new EvertError(
      'DIRECTORY_IN_USE',
      `${what} is locked by process ${pid} of host "${beyond.hostname}", which cannot be seen from here (host "${hostname()}"). ` +
        `If that machine or container still runs, stop the process there. If it is gone for good, remove the file ${beyond.path} and start again. ` +
        `A machine or container that comes back under the same host name takes its directory over by itself: give it a fixed one.`,
    )
  const by = pid === process.pid ? `this process (${pid})` : `process ${pid}`
  return new EvertError('DIRECTORY_IN_USE', `${what} is in use by ${by}. ${advice}`)
}

class HeldLock implements DirectoryLock {
  readonly #directory: string
  readonly #number: number
  #isReleased = false

  constructor(directory: string, number: number) {
    this.#directory = directory
    this.#number = number
  }

  updateLock({ host, port }: { readonly host: string; readonly port: number }): void {
    assert(!this.#isReleased, 'a released lock is not updated')
    this.#replace({ ...ownContent(), host, port })
  }

  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#replace({ ...ownContent(), released: true })
  }

  #replace(content: LockContent): void {
    const temporary = temporaryPath(this.#directory)
    writeFileSync(temporary, JSON.stringify(content))
    renameSync(temporary, lockPath(this.#directory, this.#number))
  }
}

/**
 * In the same run of a machine and the same process number namespace, number and start time tell all. Elsewhere the
 * host name must: of the machines and containers that share a directory no two may run under one name at a time, so
 * an owner of our own name is the one that we restart. Of one with another name nothing can be known.
 */
function fateOfOwner(content: LockContent): ProcessFate | 'unknown' {
  if (content.released === true) return 'gone'
  const own = ownIdentity()
  const isSameBoot = own.boot !== '' && content.boot === own.boot
  const isSameNamespace = own.namespace !== '' && content.namespace === own.namespace
  if (isSameBoot && isSameNamespace) return fateOf(content.pid, content.start)
  if (content.hostname !== hostname()) return 'unknown'
  if (isSameBoot && own.namespace !== '' && content.namespace !== '') return fateBeyond(content)
  if (own.boot !== '' && content.boot !== '' && !isSameBoot) return 'gone'
  return fateOf(content.pid, content.start)
}

/** Makes the lock file of a number with its content, both at once; false when it is there. */
function isMade(directory: string, number: number): boolean {
  const temporary = temporaryPath(directory)
  writeFileSync(temporary, JSON.stringify(ownContent()))
  try {
    linkSync(temporary, lockPath(directory, number))
    return true
  } catch (cause) {
    if (hasCode(cause, 'EEXIST')) return false
    throw new EvertError('DISK', `The directory ${directory} could not be locked.`, { cause })
  } finally {
    rmSync(temporary, { force: true })
  }
}

function lockNumbers(directory: string): number[] {
  return readdirSync(directory)
    .map(name => Number(LOCK_FILE.exec(name)?.[1] ?? 0))
    .filter(number => number > 0)
}

/** Undefined when the file is gone or was never whole: a power cut may leave an empty one. */
function contentOf(path: string): LockContent | undefined {
  try {
    const content: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof content !== 'object' || content === null) return undefined
    return { boot: '', namespace: '', start: '', ...content } as LockContent
  } catch (cause) {
    if (cause instanceof SyntaxError || hasCode(cause, 'ENOENT')) return undefined
    throw cause
  }
}

function ownContent(): LockContent {
  return { format: LOCK_FORMAT, pid: process.pid, ...ownIdentity(), hostname: hostname() }
}

function ownerOf({ pid, host, port, hostname }: LockContent, path: string | undefined): LockOwner {
  return {
    pid,
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(path === undefined ? {} : { beyond: { hostname, path } }),
  }
}

function lockPath(directory: string, number: number): string {
  return join(directory, `lock.${number}`)
}

function temporaryPath(directory: string): string {
  return join(directory, `lock-${process.pid}-${randomBytes(6).toString('hex')}.tmp`)
}

function hasCode(cause: unknown, code: string): boolean {
  return (cause as { code?: unknown } | null)?.code === code
}
