import type { Codec } from '../contracts/codec.ts'
import { InvalidQueryError } from '../views/where.ts'

/**
 * How keys of a codec are read from a path: text as it is, numbers and booleans as they are written, bytes in
 * hexadecimal, everything else as JSON. What is not of the form is INVALID_QUERY.
 */
export function keyReader(codec: Codec<unknown>): (text: string) => unknown {
  const { name } = codec
  if (name === 'string') return text => text
  if (name === 'bytes')
    return text => (HEX.test(text) ? Buffer.from(text, 'hex') : refuse(text, 'hexadecimal'))
  const kind = SCALARS[name]
  return text => {
    const value = jsonOf(text)
    return kind === undefined || typeof value === kind ? value : refuse(text, `a ${kind}`)
  }
}

const HEX = /^(?:[0-9a-fA-F]{2})*$/
const SCALARS: Readonly<Record<string, string>> = {
  int32: 'number',
  int64: 'number',
  double: 'number',
  boolean: 'boolean',
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return refuse(text, 'JSON')
  }
}

function refuse(text: string, form: string): never {
  throw new InvalidQueryError(`The key ${JSON.stringify(text.slice(0, 100))} is not ${form}.`, {
    field: 'key',
  })
}
