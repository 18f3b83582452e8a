import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { uptime } from 'node:os'
import { dirname, join } from 'node:path'

/**
 * Tells a crash of the process from a crash of the machine.
 *
 * Algorithm: while a task's files are open, a mark beside them names the boot of the machine; a clean close syncs
 * the files and then takes the mark away. Files that are found with a mark of another boot were open when the machine
 * went down.
 *
 * Why it is needed: commits do not wait for the disk. After a crash of the process the operating system still has
 * every page that was written, in order; after a loss of power some pages may be missing, and nothing in the file
 * would tell. Such state is dropped and restored from its changelog, which is durable.
 */
const MARK = 'open'

/** Whether the directory was open when the machine last went down. */
export function wasOpenAtPowerLoss(directory: string): boolean {
  let text: string
  try {
    text = readFileSync(join(directory, MARK), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
  return !isThisBoot(text.trim())
}

/** Durable when it returns. */
export function markOpen(directory: string): void {
  const file = openSync(join(directory, MARK), 'w')
  writeSync(file, `${thisBoot()}\n`)
  fsyncSync(file)
  closeSync(file)
  for (const each of [directory, dirname(directory)]) syncDirectory(each)
}

export function unmarkOpen(directory: string): void {
  rmSync(join(directory, MARK), { force: true })
}

/** Where the system gives no boot id: the time of the boot, which moves a little as the clock is corrected. */
const CLOCK_TOLERANCE_MS = 60_000

let known: string | undefined

function thisBoot(): string {
  return (known ??= bootId() ?? `time:${Math.round(Date.now() - uptime() * 1000)}`)
}

function isThisBoot(mark: string): boolean {
  const own = thisBoot()
  if (mark === own) return true
  if (!mark.startsWith('time:') || !own.startsWith('time:')) return false
  return Math.abs(Number(mark.slice(5)) - Number(own.slice(5))) < CLOCK_TOLERANCE_MS
}

function bootId(): string | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function syncDirectory(path: string): void {
  // Windows cannot open a directory; its file system journals the entry by itself.
  if (process.platform === 'win32') return
  const handle = openSync(path, 'r')
  fsyncSync(handle)
  closeSync(handle)
}
