import { linkSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EvertError } from '../../errors.ts'

const LOCK = 'lock'

/** Directories that this process holds, by real path: a process id alone cannot tell two holders in one process. */
const held = new Set<string>()

/**
 * Takes a directory (made if missing) for one owner at a time, across processes. The lock of a process that is gone
 * is taken over. Throws DIRECTORY_IN_USE. The returned function gives the directory back.
 */
export function lockDirectory(directory: string): () => void {
  mkdirSync(directory, { recursive: true })
  const path = realpathSync(directory)
  if (held.has(path)) throw inUse(path, 'this process')
  const lock = join(path, LOCK)
  const mine = join(path, `${LOCK}.${process.pid}`)
  writeFileSync(mine, `${process.pid} ${startTimeOf(process.pid)}\n`)
  try {
    // A link is made whole or not at all, and fails when the name is taken.
    while (!link(mine, lock)) removeIfStale(lock, path)
  } finally {
    rmSync(mine, { force: true })
  }
  held.add(path)
  return () => {
    if (held.delete(path)) rmSync(lock, { force: true })
  }
}

function removeIfStale(lock: string, path: string): void {
  const owner = read(lock)
  if (owner === undefined) return
  const [pid = '', start = ''] = owner.trim().split(' ')
  if (isAlive(Number(pid), start)) throw inUse(path, `process ${pid}`)
  // Of two processes that find the same stale lock, only one renames that one; the other puts back what it took.
  const taken = `${lock}.stale.${process.pid}`
  try {
    renameSync(lock, taken)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  if (read(taken) !== owner) link(taken, lock)
  rmSync(taken, { force: true })
}

/** Process ids are used again: where the system tells, the start time decides. */
function isAlive(pid: number, start: string): boolean {
  // Not in `held`: an earlier process had our id, as happens in containers.
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
  const now = startTimeOf(pid)
  return now === '' || start === '' || now === start
}

/** When the process started, in the system's own unit; empty where the system does not tell. */
function startTimeOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return ''
  // Field 22; the name of the program (field 2) stands in parentheses and may hold spaces.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}

function inUse(path: string, owner: string): EvertError {
  return new EvertError(
    'DIRECTORY_IN_USE',
    `The state directory ${path} is in use by ${owner}. Give each instance of an application its own directory.`,
  )
}
