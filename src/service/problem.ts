import { inspect } from 'node:util'
import { InvalidValueError } from '../contracts/schema.ts'
import { EvertError, type ErrorCode } from '../errors.ts'
import { InvalidQueryError } from '../views/where.ts'

/** What went wrong with a request, for its sender (RFC 9457). */
export interface Problem {
  /** The kind of problem, the same for all of its kind. Default: the status in words. */
  readonly title?: string
  /** This problem: what happened, to what, and what to do about it. */
  readonly detail: string
  /** The field of the body, or the parameter, that is at fault. */
  readonly field?: string | undefined
  /** What would be right there. */
  readonly valid?: readonly string[] | undefined
  /** Figures for programs (RFC 9457, 3.2). */
  readonly members?: Readonly<Record<string, unknown>>
  /** All faults, when there may be several. */
  readonly errors?: readonly { readonly field: string; readonly message: string }[]
}

/** A response with `application/problem+json`. */
export function problem(status: number, problem: Problem, headers: Record<string, string> = {}): Response {
  const { title = TITLES[status] ?? 'Error', detail, field, valid, errors, members } = problem
  const body = { type: 'about:blank', title, status, detail, field, valid, errors, ...members }
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
  })
}

/** Thrown where only a response with this status tells the sender enough. */
export class ProblemError extends EvertError {
  readonly status: number
  readonly problem: Problem

  constructor(status: number, problem: Problem) {
    super('INVALID_ARGUMENT', problem.detail)
    this.status = status
    this.problem = problem
  }
}

/**
 * The response for an error: a request that cannot be served is 400, a state that is not here yet 503 with
 * Retry-After (also for a client or service that went away), a wait that ran out of time 504. Errors that are none of
 * the sender's business are 500 without their text, and go to `report`.
 */
export function problemFor(error: unknown, report: (error: unknown) => void = reportToStderr): Response {
  if (error instanceof ProblemError) return problem(error.status, error.problem)
  if (error instanceof EvertError) {
    const status = STATUS_BY_CODE[error.code] ?? (error.retryable ? 503 : 500)
    if (status !== 500) {
      const headers = status === 503 ? { 'retry-after': '1' } : undefined
      return problem(status, { detail: error.message, ...faultsOf(error) }, headers)
    }
  }
  report(error)
  return problem(500, { detail: 'The service failed to answer. Its log says why.' })
}

function reportToStderr(error: unknown): void {
  process.stderr.write(`${inspect(error)}\n`)
}

function faultsOf(error: EvertError): Omit<Problem, 'detail'> {
  if (error instanceof InvalidQueryError) return { field: error.field, valid: error.valid }
  if (error instanceof InvalidValueError) {
    const field = error.issues.find(issue => issue.field !== '')?.field
    return { field, errors: error.issues }
  }
  return {}
}

const STATUS_BY_CODE: { readonly [C in ErrorCode]?: number } = {
  INVALID_QUERY: 400,
  INVALID_VALUE: 400,
  INVALID_ARGUMENT: 400,
  NOT_READY: 503,
  CLOSED: 503,
  TIMEOUT: 504,
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}
