import { EvertError } from '../errors.ts'

/** The parameters of a path, from its text: `/v1/orders/:id` gives `{ id: string }`. */
export type PathParams<P extends string> = P extends `${infer Head}/${infer Tail}`
  ? PathParams<Head> & PathParams<Tail>
  : P extends `:${infer Name}`
    ? { readonly [N in Name]: string }
    : P extends '*'
      ? { readonly '*': string }
      : unknown

/** A path pattern: literal segments, `:name` for one segment, and `*` at the end for all that remain. */
export interface PathPattern {
  readonly text: string
  readonly segments: readonly string[]
}

/** Throws INVALID_ARGUMENT for a pattern that is not of the form. */
export function parsePath(text: string): PathPattern {
  const segments = text.split('/').slice(1)
  const fault = !text.startsWith('/')
    ? 'does not start with "/"'
    : segments.slice(0, -1).includes('*')
      ? 'has "*" before its end'
      : segments.includes(':')
        ? 'has a parameter without a name'
        : undefined
  if (fault !== undefined)
    throw new EvertError('INVALID_ARGUMENT', `The path ${JSON.stringify(text)} ${fault}.`)
  return { text, segments }
}

/** The parameters when the path fits the pattern; throws URIError for a percent-encoding that is not UTF-8. */
export function matchPath(pattern: PathPattern, pathname: string): Record<string, string> | undefined {
  const found = pathname.split('/').slice(1)
  const params: [string, string][] = []
  for (const [i, segment] of pattern.segments.entries()) {
    const part = found[i]
    if (segment === '*') {
      params.push(['*', found.slice(i).map(decodeURIComponent).join('/')])
      return Object.fromEntries(params)
    }
    if (part === undefined) return undefined
    if (segment.startsWith(':')) {
      if (part === '') return undefined
      params.push([segment.slice(1), decodeURIComponent(part)])
    } else if (segment !== part) return undefined
  }
  return found.length === pattern.segments.length ? Object.fromEntries(params) : undefined
}

/** Literal segments before parameters before `*`: of the patterns that fit a path, the first in this order is meant. */
export function compareSpecificity(a: PathPattern, b: PathPattern): number {
  const length = Math.max(a.segments.length, b.segments.length)
  for (let i = 0; i < length; i++) {
    const difference = weight(a.segments[i]) - weight(b.segments[i])
    if (difference !== 0) return difference
  }
  return 0
}

function weight(segment: string | undefined): number {
  if (segment === '*') return 2
  return segment?.startsWith(':') === true ? 1 : 0
}
