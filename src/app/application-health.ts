import { health } from '../service/health.ts'
import type { Router } from '../service/router.ts'
import type { Instance } from './instance.ts'

export interface ReadyOptions {
  /**
   * Not ready while an input partition is further behind, in offsets: what is read then would be old. Default: however
   * far.
   */
  readonly maxReadyLag?: number
}

/** Live: it did not fail. Ready: its tasks run, and not too far behind. Started: they have run once. */
export function applicationHealth(application: Instance, { maxReadyLag = Infinity }: ReadyOptions): Router {
  return health({
    live: () => faultsOf(application),
    ready: () => [...obstaclesOf(application), ...lagOf(application, maxReadyLag)],
    startup: () => obstaclesOf(application),
    details: () => ({
      state: application.state,
      restoredPercent: percentOf(application),
      lag: application.maxLag,
    }),
  })
}

/** What a restart may mend. */
function faultsOf({ state, failure }: Instance): string[] {
  return state === 'ERROR' ? [`The application stopped: ${failure?.message ?? 'unknown'}`] : []
}

function obstaclesOf(application: Instance): string[] {
  const { state } = application
  if (state === 'RUNNING') return []
  const faults = faultsOf(application)
  if (faults.length > 0) return faults
  const restored = state === 'REBALANCING' ? ` Its state is restored to ${percentOf(application)} %.` : ''
  return [`The application is ${state}: it answers when its tasks run.${restored}`]
}

function lagOf({ state, maxLag }: Instance, limit: number): string[] {
  if (state !== 'RUNNING' || maxLag <= limit) return []
  return [`An input partition is ${maxLag} offsets behind; ready are ${limit} at most.`]
}

function percentOf({ restoredRatio }: Instance): number {
  return Math.floor(restoredRatio * 100)
}
