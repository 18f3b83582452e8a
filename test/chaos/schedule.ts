import type { Random } from '../format/random.ts'

/**
 * - `kill`: kill -9 of an instance, which is started again after `lastsMs`
 * - `lose-disk`: the same, and its state directory is gone
 * - `zombie`: SIGSTOP of an instance beyond the session timeout, then SIGCONT: its tasks are others' meanwhile
 * - `stall`: SIGSTOP of an instance for less than that
 * - `leave`: SIGTERM of an instance, which is started again after `lastsMs`
 * - `scale`: all instances but `target` are closed, and started again after `lastsMs`
 * - `usurp`: SIGSTOP of a copier, another takes its place, SIGCONT: it must find out that it was replaced, and end
 * - `kill-log`: kill -9 of the process that serves the log, which is started again after `lastsMs`
 * - `stall-log`: SIGSTOP of that process, then SIGCONT
 */
export const faultKinds = [
  'kill',
  'kill-log',
  'zombie',
  'scale',
  'lose-disk',
  'stall-log',
  'leave',
  'stall',
] as const
/** What a copier can be hurt by: it has no session that could time out. */
export const copyFaults = ['kill', 'kill-log', 'usurp', 'stall', 'stall-log'] as const
export type FaultKind = (typeof faultKinds)[number] | (typeof copyFaults)[number]

export interface Fault {
  readonly kind: FaultKind
  /** Since the load began. */
  readonly atMs: number
  readonly lastsMs: number
  /** The instance that is hurt; of `scale` the one that stays. -1: the log. */
  readonly target: number
}

export interface ScheduleOptions {
  readonly durationMs: number
  readonly instances: number
  readonly sessionTimeoutMs: number
  /** Time between two faults, on average. */
  readonly everyMs: number
  /** Default: all. */
  readonly kinds?: readonly FaultKind[]
}

const LOG = -1

/**
 * What will be hurt when, from random draws alone. Every kind comes once before one comes twice; faults overlap, but
 * never on the same process.
 */
export function scheduleFaults(random: Random, options: ScheduleOptions): Fault[] {
  const { durationMs, instances, sessionTimeoutMs, everyMs, kinds = faultKinds } = options
  const faults: Fault[] = []
  /** When each process is itself again; the log's is at the end. */
  const freeAtMs = Array.from({ length: instances + 1 }, () => 0)
  let deck: FaultKind[] = []
  for (let atMs = everyMs / 2; ; atMs += everyMs / 2 + random.below(everyMs)) {
    if (deck.length === 0) deck = shuffled(kinds, random)
    const kind = deck.pop() as FaultKind
    const target = kind.endsWith('-log') ? LOG : random.below(instances)
    const lastsMs = lengthOf(kind, sessionTimeoutMs, random)
    const hurt =
      kind === 'scale'
        ? Array.from({ length: instances }, (_, index) => index)
        : [target === LOG ? instances : target]
    atMs = Math.max(atMs, ...hurt.map(index => freeAtMs[index] as number))
    if (atMs + lastsMs > durationMs) return faults
    for (const index of hurt) freeAtMs[index] = atMs + lastsMs + RECOVERY_MS
    faults.push({ kind, atMs, lastsMs, target })
  }
}

/** A process that was started again has a moment before it is hurt again. */
const RECOVERY_MS = 500

export function describeFault({ kind, atMs, lastsMs, target }: Fault): string {
  const who =
    target === LOG ? 'the log' : kind === 'scale' ? `all but instance ${target}` : `instance ${target}`
  return `${(atMs / 1000).toFixed(1)} s: ${kind}, ${who}, for ${(lastsMs / 1000).toFixed(1)} s`
}

function lengthOf(kind: FaultKind, sessionTimeoutMs: number, random: Random): number {
  switch (kind) {
    case 'zombie':
      return sessionTimeoutMs + 500 + random.below(4_000)
    case 'stall':
      return 100 + random.below(sessionTimeoutMs / 2)
    case 'stall-log':
      return 100 + random.below(2_000)
    case 'scale':
      return 2_000 + random.below(4_000)
    default:
      return random.below(3_000)
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const rest = [...items]
  return items.map(() => rest.splice(random.below(rest.length), 1)[0] as T)
}
