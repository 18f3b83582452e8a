import { describeValue } from '../../contracts/schema.ts'
import { EvertError } from '../../errors.ts'

/*
 * What the compiler checks of a call, checked again when the topology is written: for JavaScript, and for values that
 * come from elsewhere. Nothing of it is done for records.
 */

/** By what they are called: `assertFunctions('map', { mapper })`. Throws INVALID_TOPOLOGY. */
export function assertFunctions(operator: string, functions: Readonly<Record<string, unknown>>): void {
  for (const [name, given] of Object.entries(functions)) {
    if (typeof given === 'function') continue
    throw refusal(`${operator} needs a function as its ${name}; got ${describeValue(given)}.`)
  }
}

/** An object that has no options but these; what is undefined is not given. Throws INVALID_TOPOLOGY. */
export function assertOptions(operator: string, options: unknown, names: ReadonlySet<string>): void {
  const known = [...names].join(', ')
  if (typeof options !== 'object' || options === null) {
    throw refusal(
      `${operator} needs an object with its options, which are ${known}; got ${describeValue(options)}.`,
    )
  }
  for (const [name, given] of Object.entries(options)) {
    if (given === undefined) continue
    if (!names.has(name)) {
      throw refusal(`${operator} has no option "${name}". Its options are ${known}.`)
    }
    if (CODECS.has(name) && !isCodec(given)) {
      throw refusal(
        `${operator} needs a codec as its ${name}, such as string, int64 or json(schema); got ${describeValue(given)}.`,
      )
    }
  }
}

/** Throws INVALID_TOPOLOGY for what `topic(…)` did not make. */
export function assertTopic(operator: string, given: unknown): void {
  if (isTopic(given)) return
  throw refusal(
    `${operator} needs a topic, as topic(name, { key, value }) makes them; got ${describeValue(given)}.`,
  )
}

export function isTopic(given: unknown): boolean {
  const { name, key, value } = (given ?? {}) as Record<string, unknown>
  return typeof name === 'string' && isCodec(key) && isCodec(value)
}

const CODECS: ReadonlySet<string> = new Set(['key', 'value', 'id'])

function isCodec(given: unknown): boolean {
  const { encode, decode, '~standard': schema } = (given ?? {}) as Record<string, unknown>
  return typeof encode === 'function' && typeof decode === 'function' && schema === undefined
}

function refusal(message: string): EvertError {
  return new EvertError('INVALID_TOPOLOGY', message)
}
