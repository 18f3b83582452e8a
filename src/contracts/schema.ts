import type { StandardSchemaV1 } from '@standard-schema/spec'
import { EvertError } from '../errors.ts'

/** One thing that a schema found wrong: where, and what it says about it. */
export interface SchemaIssue {
  /** `lines[2].price`; empty for the value itself. */
  readonly field: string
  readonly message: string
}

/** A value that its schema refuses; `issues` are the schema's own, as data. */
export class InvalidValueError extends EvertError {
  readonly issues: readonly SchemaIssue[]

  constructor(message: string, issues: readonly SchemaIssue[], cause?: unknown) {
    super('INVALID_VALUE', message, { cause })
    this.issues = issues
  }
}

/** Any library's schema with the Standard Schema v1 interface, such as zod, valibot or arktype. */
export type AnySchema<T = unknown> = StandardSchemaV1<unknown, T>

/** The type that a schema lets out. */
export type SchemaOutput<S extends StandardSchemaV1> = StandardSchemaV1.InferOutput<S>

/**
 * Returns the schema's output for the value. Throws InvalidValueError (INVALID_VALUE) whose message names each field,
 * what was found there and what the schema says; INVALID_ARGUMENT when the schema answers asynchronously.
 *
 * @example
 * const order = validate(Order, JSON.parse(text), 'the order')
 */
export function validate<S extends StandardSchemaV1>(
  schema: S,
  value: unknown,
  what = 'the value',
): SchemaOutput<S> {
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise) {
    // The answer is not waited for, so its failure must not become an unhandled rejection.
    result.catch(() => undefined)
    throw new EvertError(
      'INVALID_ARGUMENT',
      `The ${schema['~standard'].vendor} schema of ${what} validates asynchronously. ` +
        'Use a schema without asynchronous checks, and make those checks where the value is used.',
    )
  }
  if (result.issues === undefined) return result.value
  throw refusal(result.issues, value, what)
}

/** As many issues as a message spells out; the rest is counted. */
const ISSUES_IN_MESSAGE = 5

function refusal(issues: readonly StandardSchemaV1.Issue[], value: unknown, what: string): InvalidValueError {
  const told = issues.slice(0, ISSUES_IN_MESSAGE).map(issue => {
    const field = fieldPath(issue)
    const place = field === '' ? '' : `field ${JSON.stringify(field)}: `
    return `${place}${issue.message} (found ${describeValue(valueAt(value, issue))})`
  })
  if (issues.length > told.length) told.push(`and ${issues.length - told.length} more`)
  return new InvalidValueError(
    `The schema refuses ${what}: ${told.join('; ')}.`,
    issues.map(issue => ({ field: fieldPath(issue), message: issue.message })),
  )
}

function fieldPath(issue: StandardSchemaV1.Issue): string {
  let path = ''
  for (const key of keysOf(issue)) {
    if (typeof key === 'number') path += `[${key}]`
    else path += path === '' ? String(key) : `.${String(key)}`
  }
  return path
}

function valueAt(value: unknown, issue: StandardSchemaV1.Issue): unknown {
  let found = value
  for (const key of keysOf(issue)) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined
    found = (found as Record<PropertyKey, unknown>)[key]
  }
  return found
}

function keysOf(issue: StandardSchemaV1.Issue): PropertyKey[] {
  const path = (issue.path ?? []).map(segment => (typeof segment === 'object' ? segment.key : segment))
  // Zod names an unknown key beside the path of its object, the other libraries in it.
  const { keys } = issue as { keys?: unknown }
  if (Array.isArray(keys) && typeof keys[0] === 'string') path.push(keys[0])
  return path
}

/** A few words for an error message: the type, and the value itself where it is short. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'string') {
    return value.length > 40 ? `a string of ${value.length} characters` : JSON.stringify(value)
  }
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') {
    return `${typeof value} ${value}`
  }
  return `a ${typeof value}`
}
