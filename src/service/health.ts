import { problem } from './problem.ts'
import { type Router, router } from './router.ts'

/** Says what is wrong, one sentence each; nothing when all is well. */
export type HealthCheck = () => readonly string[] | Promise<readonly string[]>

export interface HealthOptions {
  /** What only a restart can mend. Default: nothing. */
  readonly live?: HealthCheck
  /** What keeps requests from being served for now: tasks that restore, a log that cannot be reached. */
  readonly ready?: HealthCheck
}

/** The routes `/health/live` and `/health/ready`: 200, or 503 with the reasons. */
export function health({ live = () => [], ready = live }: HealthOptions = {}): Router {
  return router()
    .get('/health/live', () => answer('live', live))
    .get('/health/ready', () => answer('ready', ready))
}

async function answer(status: string, check: HealthCheck): Promise<Response> {
  const reasons = await check()
  const headers = { 'cache-control': 'no-store' }
  if (reasons.length === 0) return Response.json({ status }, { headers })
  return problem(503, { title: `Not ${status}`, detail: reasons.join(' ') }, { 'retry-after': '1' })
}
