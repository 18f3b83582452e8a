import type { StandardSchemaV1 } from '@standard-schema/spec'
import { isPromise } from '../internal/is-promise.ts'
import type { Codec } from './codec.ts'
import { refused, utf8Text } from './codecs.ts'
import { readsBy } from './decodes-alike.ts'
import { type SchemaOutput, validate } from './schema.ts'

export interface JsonOptions {
  /**
   * When the schema is asked. Default `both`. A schema whose output it would not take as input again (a transform
   * to another type) fits `decode` only.
   */
  validate?: 'both' | 'encode' | 'decode' | 'none'
  /** How deep arrays and objects may nest. Default 100. */
  maxDepth?: number
  /** Called what in error messages; for example the topic. */
  what?: string
}

/** What JSON can carry; the type of `json()` without a schema. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }

const MAX_DEPTH = 100

/**
 * A codec for JSON in UTF-8. With a schema (any Standard Schema v1 without asynchronous checks) its type is the
 * schema's output, and what the schema lets out is what is written and returned. Throws INVALID_VALUE that names the
 * field, what was found and what was expected; the schema's issues are in `error.issues`.
 *
 * @example
 * const orders = topic('orders', { key: string, value: json(Order) })
 */
export function json(): Codec<JsonValue>
export function json<S extends StandardSchemaV1>(schema: S, options?: JsonOptions): Codec<SchemaOutput<S>>
export function json(schema?: StandardSchemaV1, options: JsonOptions = {}): Codec<unknown> {
  const { validate: when = 'both', maxDepth = MAX_DEPTH, what = 'the JSON value' } = options
  const check = schema === undefined ? undefined : (value: unknown) => validate(schema, value, what)
  const onEncode = when === 'both' || when === 'encode' ? check : undefined
  const onDecode = when === 'both' || when === 'decode' ? check : undefined
  const codec: Codec<unknown> = {
    name: 'json',
    encode(value) {
      return Buffer.from(writeJson(onEncode === undefined ? value : onEncode(value), maxDepth), 'utf8')
    },
    decode(bytes) {
      const value = parseJson(utf8Text('json', bytes), maxDepth)
      return onDecode === undefined ? value : onDecode(value)
    },
  }
  return readsBy(codec, onDecode === undefined ? undefined : schema)
}

function writeJson(value: unknown, maxDepth: number): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (error) {
    throw refused('json', `it cannot be written as JSON (${(error as Error).message})`, error)
  }
  if (text === undefined) throw refused('json', `${typeof value} cannot be written as JSON`)
  if (text === '{}' && isPromise(value)) throw refused('json', 'a promise cannot be written as JSON')
  assertDepth(text, maxDepth)
  return text
}

/**
 * JSON.parse with limits: throws INVALID_VALUE for text that is not JSON, for nesting beyond `maxDepth`, and for the
 * key `__proto__`, which would change an object's prototype where code copies fields by assignment.
 */
export function parseJson(text: string, maxDepth: number = MAX_DEPTH): unknown {
  assertDepth(text, maxDepth)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw refused('json', `it is not JSON (${(error as Error).message})`, error)
  }
  // The key can also be spelled with escapes; only a text that may hold it pays for the walk.
  if (text.includes('__proto__') || (text.includes('\\u') && /\\u005f/i.test(text)))
    assertNoPrototypeKey(value)
  return value
}

function assertNoPrototypeKey(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (Object.hasOwn(value, '__proto__')) throw refused('json', 'an object has the key "__proto__"')
  for (const child of Object.values(value)) assertNoPrototypeKey(child)
}

function assertDepth(text: string, maxDepth: number): void {
  // Fewer opening brackets than the limit, in strings or not, cannot nest too deep: the search is native and ends here
  // for nearly every value.
  if (hasFewer(text, '{', '[', maxDepth)) return
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (inString) {
      if (unit === BACKSLASH) i++
      else if (unit === QUOTE) inString = false
    } else if (unit === QUOTE) inString = true
    else if (unit === OPEN_OBJECT || unit === OPEN_ARRAY) {
      if (++depth > maxDepth) throw refused('json', `it nests deeper than ${maxDepth} levels`)
    } else if (unit === CLOSE_OBJECT || unit === CLOSE_ARRAY) depth--
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

function hasFewer(text: string, first: string, second: string, limit: number): boolean {
  let count = 0
  for (const bracket of [first, second]) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (++count > limit) return false
    }
  }
  return true
}
