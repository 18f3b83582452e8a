import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { SchemaOutput } from '../contracts/schema.ts'
import { EvertError } from '../errors.ts'
import { BODY_LIMIT_BYTES, readJson } from './json-body.ts'
import { compareSpecificity, matchPath, parsePath, type PathParams, type PathPattern } from './path.ts'
import { problem, problemFor } from './problem.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** One request, as a handler gets it. */
export interface RequestContext<Params = Readonly<Record<string, string>>> {
  readonly request: Request
  readonly url: URL
  /** The path's parameters, decoded. */
  readonly params: Params
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal
  /** The body as JSON, checked by a schema; what is wrong with it becomes a 400 that names the field. */
  readonly json: <S extends StandardSchemaV1>(schema: S) => Promise<SchemaOutput<S>>
}

export type Handler<Params = Readonly<Record<string, string>>> = (
  context: RequestContext<Params>,
) => Response | Promise<Response>

export interface RouterOptions {
  /** Default 1 MiB. */
  readonly bodyLimitBytes?: number
  /** Hears of errors that are answered with 500. Default: writes them to stderr. */
  readonly onError?: (error: unknown) => void
}

/**
 * A web-standard `fetch` handler made of routes. Handlers may throw: problemFor says which status an error becomes.
 * HEAD is answered as GET without the body, OPTIONS with what is allowed, other methods with 405.
 *
 * @example
 * const api = router().post('/v1/orders', async ({ json }) => {
 *   const order = await json(Order)
 *   return Response.json(order, { status: 201 })
 * })
 * await using server = await serve(api.fetch, { port: 3000 })
 */
export function router(options: RouterOptions = {}): Router {
  return new Router(options)
}

interface Route {
  readonly method: Method
  readonly path: PathPattern
  readonly handler: Handler<never>
}

export class Router {
  readonly #bodyLimitBytes: number
  readonly #onError: ((error: unknown) => void) | undefined
  /** The most specific paths first. */
  readonly #routes: Route[] = []

  constructor({ bodyLimitBytes = BODY_LIMIT_BYTES, onError }: RouterOptions) {
    this.#bodyLimitBytes = bodyLimitBytes
    this.#onError = onError
  }

  get<P extends string>(path: P, handler: Handler<PathParams<P>>): this {
    return this.#add('GET', path, handler)
  }

  post<P extends string>(path: P, handler: Handler<PathParams<P>>): this {
    return this.#add('POST', path, handler)
  }

  put<P extends string>(path: P, handler: Handler<PathParams<P>>): this {
    return this.#add('PUT', path, handler)
  }

  patch<P extends string>(path: P, handler: Handler<PathParams<P>>): this {
    return this.#add('PATCH', path, handler)
  }

  delete<P extends string>(path: P, handler: Handler<PathParams<P>>): this {
    return this.#add('DELETE', path, handler)
  }

  /** Takes over all routes of another router. */
  include(other: Router): this {
    for (const { method, path, handler } of other.#routes) this.#add(method, path.text, handler)
    return this
  }

  /** Answers a request; bound, and never rejects. */
  readonly fetch = async (request: Request): Promise<Response> => {
    const url = new URL(request.url)
    try {
      const response = await this.#dispatch(request, url)
      return request.method === 'HEAD' ? withoutBody(response) : response
    } catch (error) {
      if (error instanceof URIError) {
        return problem(400, { detail: `The path ${url.pathname} has a percent-encoding that is not UTF-8.` })
      }
      return problemFor(error, this.#onError)
    }
  }

  #add(method: Method, path: string, handler: Handler<never>): this {
    const pattern = parsePath(path)
    if (this.#routes.some(route => route.method === method && route.path.text === path)) {
      throw new EvertError('INVALID_ARGUMENT', `There are two handlers for ${method} ${path}.`)
    }
    this.#routes.push({ method, path: pattern, handler })
    this.#routes.sort((a, b) => compareSpecificity(a.path, b.path))
    return this
  }

  #dispatch(request: Request, url: URL): Response | Promise<Response> {
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const allowed = new Set<string>()
    for (const route of this.#routes) {
      const params = matchPath(route.path, url.pathname)
      if (params === undefined) continue
      if (route.method === method) return route.handler(this.#context(request, url, params) as never)
      allowed.add(route.method)
    }
    if (allowed.size === 0) return problem(404, { detail: `There is nothing at ${url.pathname}.` })
    return wrongMethod(request.method, url.pathname, allowed)
  }

  #context(request: Request, url: URL, params: Record<string, string>): RequestContext {
    return {
      request,
      url,
      params,
      signal: request.signal,
      json: schema => readJson(request, schema, this.#bodyLimitBytes),
    }
  }
}

function wrongMethod(method: string, pathname: string, routes: ReadonlySet<string>): Response {
  const valid = [...routes, ...(routes.has('GET') ? ['HEAD'] : []), 'OPTIONS'].toSorted()
  const allow = valid.join(', ')
  if (method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow } })
  return problem(405, { detail: `${pathname} does not answer ${method}.`, valid }, { allow })
}

function withoutBody(response: Response): Response {
  void response.body?.cancel()
  return new Response(null, response)
}
