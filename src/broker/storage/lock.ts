import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { EvertError } from '../../errors.ts'
import { assert } from '../../internal/assert.ts'

const LOCK_FILE = /^lock\.(\d+)$/
const LOCK_FORMAT = 1
/** The identity of a process that has ended but whose parent has not taken note yet. */
const DEAD = 'dead'

/** Who owns a data directory, and where it listens, once it does. */
export interface LockOwner {
  readonly pid: number
  readonly host?: string
  readonly port?: number
}

export interface DirectoryLock {
  /** Tells other processes where the owner listens. */
  updateLock(address: { readonly host: string; readonly port: number }): Promise<void>
  release(): Promise<void>
}

export type LockResult =
  | { readonly acquired: true; readonly lock: DirectoryLock }
  | { readonly acquired: false; readonly owner: LockOwner }

/** What a lock file says. */
interface LockContent extends LockOwner {
  readonly format: number
  /** Tells a process from a later one of the same number; empty where the system does not say. */
  readonly identity: string
  readonly hostname: string
  readonly released?: true
}

/**
 * Takes a directory (made when missing) for this process.
 *
 * Algorithm: lock files are numbered, `lock.1`, `lock.2`, …; the highest one counts. Whoever finds that its owner has
 * released it or is dead makes the next number, with its content, in one atomic step that fails when the number is
 * there already (a hard link of a file prepared beside it). Then it looks again: it owns the directory if its number
 * is the highest, and removes all lower ones.
 *
 * State: the files alone. A release leaves the file, marked, so that numbers never fall back.
 *
 * Why it is correct: of all who saw the same dead owner, one makes the next number. One who saw an older state may
 * find its number free, because it was cleaned up; but then a higher one was made before the clean-up, and the second
 * look sees it.
 */
export async function acquireLock(directory: string): Promise<LockResult> {
  await fs.mkdir(directory, { recursive: true })
  for (;;) {
    const highest = Math.max(0, ...(await lockNumbers(directory)))
    const current = highest === 0 ? undefined : await contentOf(lockPath(directory, highest))
    if (current !== undefined && (await isHeld(current))) return { acquired: false, owner: ownerOf(current) }
    const number = highest + 1
    if (!(await made(directory, number))) continue
    const numbers = await lockNumbers(directory)
    if (Math.max(...numbers) > number) {
      await fs.rm(lockPath(directory, number), { force: true })
      continue
    }
    for (const lower of numbers) if (lower < number) await fs.rm(lockPath(directory, lower), { force: true })
    return { acquired: true, lock: new HeldLock(directory, number) }
  }
}

class HeldLock implements DirectoryLock {
  readonly #directory: string
  readonly #number: number
  #isReleased = false

  constructor(directory: string, number: number) {
    this.#directory = directory
    this.#number = number
  }

  async updateLock({ host, port }: { readonly host: string; readonly port: number }): Promise<void> {
    assert(!this.#isReleased, 'a released lock is not updated')
    await this.#replace({ ...(await ownContent()), host, port })
  }

  async release(): Promise<void> {
    if (this.#isReleased) return
    this.#isReleased = true
    await this.#replace({ ...(await ownContent()), released: true })
  }

  async #replace(content: LockContent): Promise<void> {
    const temporary = temporaryPath(this.#directory)
    await fs.writeFile(temporary, JSON.stringify(content))
    await fs.rename(temporary, lockPath(this.#directory, this.#number))
  }
}

/** Makes the lock file of a number with its content, both at once; false when it is there. */
async function made(directory: string, number: number): Promise<boolean> {
  const temporary = temporaryPath(directory)
  await fs.writeFile(temporary, JSON.stringify(await ownContent()))
  try {
    await fs.link(temporary, lockPath(directory, number))
    return true
  } catch (cause) {
    if (hasCode(cause, 'EEXIST')) return false
    throw new EvertError('DISK', `The data directory ${directory} could not be locked.`, { cause })
  } finally {
    await fs.rm(temporary, { force: true })
  }
}

async function lockNumbers(directory: string): Promise<number[]> {
  const names = await fs.readdir(directory)
  return names.map(name => Number(LOCK_FILE.exec(name)?.[1] ?? 0)).filter(number => number > 0)
}

/** Undefined when the file is gone or was never whole: a power cut may leave an empty one. */
async function contentOf(path: string): Promise<LockContent | undefined> {
  try {
    const content: unknown = JSON.parse(await fs.readFile(path, 'utf8'))
    return typeof content === 'object' && content !== null ? (content as LockContent) : undefined
  } catch (cause) {
    if (cause instanceof SyntaxError || hasCode(cause, 'ENOENT')) return undefined
    throw cause
  }
}

async function isHeld(content: LockContent): Promise<boolean> {
  if (content.released === true) return false
  // Nothing can be known of a process on another machine: its lock stands until it is removed by hand.
  if (content.hostname !== hostname()) return true
  if (!isAlive(content.pid)) return false
  const identity = await identityOf(content.pid)
  if (identity === DEAD) return false
  return identity === '' || content.identity === '' || identity === content.identity
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return !hasCode(cause, 'ESRCH')
  }
}

/** When the process started, and in which run of the machine; empty where there is no /proc; DEAD for a zombie. */
async function identityOf(pid: number): Promise<string> {
  try {
    const boot = await fs.readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    const stat = await fs.readFile(`/proc/${pid}/stat`, 'utf8')
    // The second field is the command in parentheses and may hold anything; the start time is the 22nd.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return DEAD
    return `${boot.trim()}/${fields[19]}`
  } catch (cause) {
    if (hasCode(cause, 'ENOENT') || hasCode(cause, 'ESRCH') || hasCode(cause, 'EACCES')) return ''
    throw cause
  }
}

async function ownContent(): Promise<LockContent> {
  return {
    format: LOCK_FORMAT,
    pid: process.pid,
    identity: await identityOf(process.pid),
    hostname: hostname(),
  }
}

function ownerOf({ pid, host, port }: LockContent): LockOwner {
  return {
    pid,
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
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
