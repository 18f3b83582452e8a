import type { Field, Fields, Versions } from '../../src/wire/field.ts'
import type { Random } from './random.ts'

const TEXTS = ['', 'a', 'orders', 'naïve', '日本', '😀', '\0', '\uFFFD', 'x'.repeat(200)]

type Plain = Record<string, unknown>

/** A message with every field that the version carries; the others are left out. */
export function randomMessage(random: Random, fields: Fields, version: number): Plain {
  const message: Plain = {}
  for (const [name, field] of Object.entries(fields)) {
    if (covers(field.options.versions, version)) message[name] = randomValue(random, field, version)
  }
  return message
}

function randomValue(random: Random, field: Field<unknown>, version: number): unknown {
  const { nullable, tag } = field.options
  if (nullable !== undefined && covers(nullable, version) && random.oneIn(4)) return null
  if (tag !== undefined && random.oneIn(2)) return undefined
  switch (field.kind) {
    case 'bool':
      return random.oneIn(2)
    case 'int8':
      return random.below(2 ** 8) - 2 ** 7
    case 'int16':
      return random.below(2 ** 16) - 2 ** 15
    case 'uint16':
      return random.below(2 ** 16)
    case 'int32':
      return random.below(2 ** 32) - 2 ** 31
    case 'int64':
      return random.oneIn(10) ? 2 ** 63 : random.safeInteger()
    case 'float64':
      return random.safeInteger() / 1024
    case 'uuid':
      return random.bytes(16).toString('base64url')
    case 'string':
      return random.pick(TEXTS)
    case 'bytes':
      return random.bytes(random.below(30))
    case 'records':
      return random.bytes(random.oneIn(10) ? 4096 + random.below(3000) : random.below(100))
    case 'struct':
      return randomMessage(random, field.fields as Fields, version)
    case 'array': {
      const element = field.element as Field<unknown>
      return Array.from({ length: random.below(3) }, () => randomValue(random, element, version))
    }
    default:
      throw new Error(`no values of kind ${String(field.kind)}`)
  }
}

/** Written apart from the codec's own reading of versions. */
function covers(versions: Versions | undefined, version: number): boolean {
  const match = /^(\d+)(\+|-(\d+))?$/.exec(versions ?? '0+')
  if (match === null) throw new Error(`versions ${versions}`)
  const first = Number(match[1])
  const last = match[2] === undefined ? first : match[2] === '+' ? Infinity : Number(match[3])
  return version >= first && version <= last
}
