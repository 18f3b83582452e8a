import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** What the system tells of a process that makes it this one and no other; empty where it does not tell. */
export interface ProcessIdentity {
  /** The run of the machine. */
  readonly boot: string
  /** The process number namespace: in another one (a container) the same number is another process. */
  readonly namespace: string
  /** When the process started, in the system's own unit since the boot. */
  readonly start: string
}

/** `dying`: killed, but parts of it may still run. */
export type ProcessFate = 'alive' | 'dying' | 'gone'

/** The first namespace of every Linux system has this number; it lasts as long as the boot. */
const INITIAL_NAMESPACE = 'pid:[4026531836]'
/** In the flags of /proc/PID/stat: the thread is on its way out. */
const EXITING = 0x4
const SIGKILL_BIT = 1n << 8n
const GONE = new Set(['ENOENT', 'ESRCH'])

export function ownIdentity(): ProcessIdentity {
  return {
    boot: textOf('/proc/sys/kernel/random/boot_id')?.trim() ?? '',
    namespace: namespaceOf(process.pid),
    start: statOf(process.pid)?.start ?? '',
  }
}

/** The fate of a process of our own namespace. Without /proc its number alone must do. */
export function fateOf(pid: number, start: string): ProcessFate {
  try {
    process.kill(pid, 0)
  } catch (cause) {
    if (codeOf(cause) === 'ESRCH') return 'gone'
  }
  const stat = statOf(pid)
  if (stat === undefined || start === '' || stat.start === '') return 'alive'
  if (stat.start !== start) return 'gone'
  return pid === process.pid ? 'alive' : fateOfThreads(pid)
}

/**
 * The fate of a process of this boot but another namespace. `unknown` when it may be alive where we cannot look.
 * A namespace that we are above of shows its processes here, under other numbers: the start time finds them.
 */
export function fateBeyond({ namespace, start }: ProcessIdentity): ProcessFate | 'unknown' {
  if (namespace === INITIAL_NAMESPACE) return 'unknown'
  const pids = namesIn('/proc').filter(name => /^\d+$/.test(name))
  const found = pids.find(pid => statOf(Number(pid))?.start === start)
  return found === undefined ? 'gone' : fateOfThreads(Number(found))
}

/**
 * A zombie whose threads have all ended is gone. A thread that is leaving, or has a SIGKILL before it, runs no code of
 * its own any more; but a call into the kernel, such as a write, may still come to its end.
 */
function fateOfThreads(pid: number): ProcessFate {
  const leader = statOf(pid)
  if (leader === undefined) return 'gone'
  const threads = namesIn(`/proc/${pid}/task`)
  if (leader.isEnded) return threads.length <= 1 ? 'gone' : 'dying'
  return threads.some(thread => isDying(`/proc/${pid}/task/${thread}`)) ? 'dying' : 'alive'
}

function isDying(thread: string): boolean {
  if (statIn(thread)?.isExiting === true) return true
  const pending = /^SigPnd:\s*([0-9a-f]+)$/m.exec(textOf(`${thread}/status`) ?? '')?.[1]
  return pending !== undefined && (BigInt(`0x${pending}`) & SIGKILL_BIT) !== 0n
}

interface Stat {
  readonly start: string
  readonly isEnded: boolean
  readonly isExiting: boolean
}

function statOf(pid: number): Stat | undefined {
  return statIn(`/proc/${pid}`)
}

function statIn(directory: string): Stat | undefined {
  const stat = textOf(`${directory}/stat`)
  if (stat === undefined) return undefined
  // The second field is the command in parentheses and may hold anything: state is the 3rd, flags the 9th, start the 22nd.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return {
    start: fields[19] ?? '',
    isEnded: fields[0] === 'Z' || fields[0] === 'X',
    isExiting: (Number(fields[6]) & EXITING) !== 0,
  }
}

function namespaceOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    // Not every system has one, or shows it.
    return ''
  }
}

/** Undefined where there is no /proc, or the process is gone or hidden. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (isUntold(cause)) return undefined
    throw cause
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (cause) {
    if (isUntold(cause)) return []
    throw cause
  }
}

function isUntold(cause: unknown): boolean {
  const code = codeOf(cause)
  return code !== undefined && (GONE.has(code) || code === 'EACCES' || code === 'EPERM')
}

function codeOf(cause: unknown): string | undefined {
  return (cause as NodeJS.ErrnoException).code
}
