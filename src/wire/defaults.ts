import type { Field, Fields } from './field.ts'

type Plain = Record<string, unknown>

/** The value of a field that is left out: a new one at every call. */
export function defaultOf(field: Field<unknown>): unknown {
  if (field.options.default !== undefined) return field.options.default
  switch (field.kind) {
    case 'bool':
      return false
    case 'string':
      return ''
    case 'uuid':
      return ZERO_UUID
    case 'bytes':
    case 'records':
      return EMPTY
    case 'array':
      return []
    case 'struct':
      return completeStruct(field.fields as Fields, {})
    default:
      return 0
  }
}

/** The topic id that means "none". */
export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA'
const EMPTY = Buffer.alloc(0)

/** Messages of one version share their default arrays and structs: a change to one must fail, not reach the others. */
export function deepFreeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  Object.values(value).forEach(deepFreeze)
  return Object.freeze(value)
}

/** Whether a value is what a reader that does not get it would assume. */
export function isDefault(field: Field<unknown>, value: unknown, fallback: unknown): boolean {
  if (value === fallback) return true
  if (value === null || fallback === null) return false
  if (field.kind === 'array' || field.kind === 'bytes' || field.kind === 'records') {
    return (value as { length: number }).length === 0 && (fallback as { length: number }).length === 0
  }
  if (field.kind === 'struct') {
    return Object.entries(field.fields as Fields).every(([name, child]) => {
      const given = (value as Plain)[name]
      return given === undefined || isDefault(child, given, (fallback as Plain)[name])
    })
  }
  return false
}

/** A copy with a value for every field. */
export function completeStruct(fields: Fields, value: Plain): Plain {
  const full: Plain = {}
  for (const name in fields) {
    const field = fields[name] as Field<unknown>
    const given = value[name]
    full[name] = given === undefined ? defaultOf(field) : completeValue(field, given)
  }
  return full
}

function completeValue(field: Field<unknown>, value: unknown): unknown {
  if (value === null) return null
  if (field.kind === 'struct') return completeStruct(field.fields as Fields, value as Plain)
  if (field.kind === 'array' && field.element?.kind === 'struct') {
    const { fields } = field.element
    return (value as Plain[]).map(item => completeStruct(fields as Fields, item))
  }
  return value
}
