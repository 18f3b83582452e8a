import type { HurtableCluster } from './clusters.ts'
import type { Fleet } from './fleet.ts'
import { describeFault, type Fault } from './schedule.ts'

export interface Hurt {
  readonly fleet: Fleet
  readonly cluster: HurtableCluster
  /** Told when a fault begins and when it is over. */
  readonly note: (text: string) => void
}

/**
 * Carries out a schedule; resolves to the number of faults that there were when the last one is over. Ends early, all repaired, when
 * it is told to.
 */
export async function runFaults(faults: readonly Fault[], hurt: Hurt, stop: AbortSignal): Promise<number> {
  const startMs = performance.now()
  let count = 0
  const busy = new Set<number>()
  await Promise.all(
    faults.map(async fault => {
      await pause(startMs + fault.atMs - performance.now(), stop)
      const targets = targetsOf(fault, hurt.fleet.size)
      // On a slow machine a repair may take longer than the schedule thinks: what is down is not hurt again.
      if (stop.aborted || targets.some(target => busy.has(target))) return
      count++
      for (const target of targets) busy.add(target)
      hurt.note(describeFault(fault))
      await carryOut(fault, hurt, stop)
      await pause(REST_MS, stop)
      for (const target of targets) busy.delete(target)
      hurt.note(`over: ${describeFault(fault)}`)
    }),
  )
  return count
}

/** What was repaired works for a moment before it is hurt again. */
const REST_MS = 1_000

function targetsOf({ kind, target }: Fault, size: number): number[] {
  return kind === 'scale' ? Array.from({ length: size }, (_, index) => index) : [target]
}

async function carryOut({ kind, target, lastsMs }: Fault, hurt: Hurt, stop: AbortSignal): Promise<void> {
  const { fleet, cluster } = hurt
  const others = Array.from({ length: fleet.size }, (_, index) => index).filter(index => index !== target)
  switch (kind) {
    case 'kill':
    case 'lose-disk':
      await fleet.kill(target)
      if (kind === 'lose-disk') fleet.loseDisk(target)
      await pause(lastsMs, stop)
      fleet.start(target)
      break
    case 'zombie':
    case 'stall':
      fleet.pause(target)
      await pause(lastsMs, stop)
      fleet.resume(target)
      break
    case 'usurp': {
      const zombie = fleet.usurp(target)
      await pause(lastsMs, stop)
      await zombie.resume()
      break
    }
    case 'leave':
      await fleet.close(target)
      await pause(lastsMs, stop)
      fleet.start(target)
      break
    case 'scale':
      await Promise.all(others.map(index => fleet.close(index)))
      await pause(lastsMs, stop)
      for (const index of others) fleet.start(index)
      break
    case 'kill-log':
      await cluster.kill()
      await pause(lastsMs, stop)
      await cluster.restart()
      break
    case 'stall-log':
      cluster.pause()
      await pause(lastsMs, stop)
      cluster.resume()
      break
  }
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      stop.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, Math.max(0, ms))
    stop.addEventListener('abort', done)
    if (stop.aborted) done()
  })
}
