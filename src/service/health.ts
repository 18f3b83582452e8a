import { problem } from './problem.ts'
import { type Router, router } from './router.ts'

/** Says what is wrong, one sentence each; nothing when all is well. */
export type HealthCheck = () => readonly string[] | Promise<readonly string[]>

export interface HealthOptions {
  /** What only a restart can mend. Default: nothing. */
  readonly live?: HealthCheck
  /** What keeps requests from being served for now: tasks that restore, a log that cannot be reached. */
  readonly ready?: HealthCheck
  /** What has to be done before it is ready for the first time; not asked any more when it was. Default: as `ready`. */
  readonly startup?: HealthCheck
  /** Figures that every answer has besides. Default: none. */
  readonly details?: () => Readonly<Record<string, unknown>>
}

/** The routes `/health/live`, `/health/ready` and `/health/startup`: 200, or 503 with the reasons. */
export function health(options: HealthOptions = {}): Router {
  const { live = () => [], ready = live, startup = ready, details = () => ({}) } = options
  const answer = async (status: string, check: HealthCheck): Promise<Response> => {
    const reasons = await check()
    const headers = { 'cache-control': 'no-store' }
    if (reasons.length === 0) return Response.json({ status, ...details() }, { headers })
    const why = { title: `Not ${status}`, detail: reasons.join(' '), members: details() }
    return problem(503, why, { 'retry-after': '1' })
  }
  const started = onceMet(startup)
  return router()
    .get('/health/live', () => answer('live', live))
    .get('/health/ready', () => answer('ready', ready))
    .get('/health/startup', () => answer('started', started))
}

/** A check that is not made again after it found nothing. */
function onceMet(check: HealthCheck): HealthCheck {
  let isMet = false
  return async () => {
    if (isMet) return []
    const reasons = await check()
    isMet = reasons.length === 0
    return reasons
  }
}
