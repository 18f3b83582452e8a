import type { Scalar } from '../streams/dsl/view-query.ts'
import { InvalidQueryError, type Operator } from '../views/where.ts'

/** The fields that a query may name, and how their text is read. */
export type FieldTable = Readonly<Record<string, FieldType>>
/**
 * `scalar` is for fields whose type is not known: `true`, `false`, `null` and numbers mean what they look like, and where
 * values are compared for equality (Equals, In) also the same text; text in double quotes is nothing but text.
 */
export type FieldType = 'string' | 'number' | 'boolean' | 'scalar'

/** The names that a query string has for the operators; the short ones of `find` are good too. */
export const OPERATOR_NAMES: Readonly<Record<string, Operator>> = {
  Equals: 'eq',
  NotEquals: 'ne',
  GreaterThan: 'gt',
  GreaterThanOrEqual: 'gte',
  LessThan: 'lt',
  LessThanOrEqual: 'lte',
  In: 'in',
  Between: 'between',
}

const OPERATOR_OF: ReadonlyMap<string, Operator> = new Map([
  ...Object.entries(OPERATOR_NAMES),
  ...Object.values(OPERATOR_NAMES).map((operator): [string, Operator] => [operator, operator]),
])

const OPERATOR = 'operator'
const OPERATOR_SUFFIX = '.operator'
const COMPACT = /^(eq|ne|gt|gte|lt|lte|in|between):(.*)$/s

type Conditions = Record<string, Record<string, Scalar | Scalar[]>>

/**
 * Reads conditions from a query string, by a table of fields:
 *
 *   fulfilled=false                                  equals; `null` stands for null where the field is no string
 *   orderValue=100&orderValue.operator=GreaterThan   an operator for one field
 *   orderValue=100&operator=GreaterThan              … for the query's only number field without an own one, or the
 *                                                    only field
 *   orderValue=gt:100                                the same, compact; a string that starts so is written eq:gt:100
 *   orderValue=gte:100&orderValue=lt:200             compact ones of a field are ANDed
 *   place=CA&place=NY&place.operator=In              several values, repeated or parted by commas (In, Between)
 *
 * `reserved` parameters are someone else's. Throws INVALID_QUERY that names the field and what is valid.
 */
export function whereOf(query: URLSearchParams, fields: FieldTable, reserved: readonly string[]): Conditions {
  const values = new Map<string, string[]>()
  const operators = new Map<string, string>()
  for (const name of new Set(query.keys())) {
    if (reserved.includes(name)) continue
    const [first, ...more] = query.getAll(name)
    const field = name.endsWith(OPERATOR_SUFFIX) ? name.slice(0, -OPERATOR_SUFFIX.length) : undefined
    if (Object.hasOwn(fields, name)) values.set(name, [first ?? '', ...more])
    else if (name === OPERATOR || (field !== undefined && Object.hasOwn(fields, field))) {
      if (more.length > 0)
        throw new InvalidQueryError(`The parameter "${name}" is given twice.`, { field: name })
      operators.set(field ?? OPERATOR, first ?? '')
    } else throw unknownParameter(name, fields, reserved)
  }
  const common = operators.get(OPERATOR)
  operators.delete(OPERATOR)
  for (const field of operators.keys()) {
    if (!values.has(field))
      throw new InvalidQueryError(`"${field}.operator" is given without "${field}".`, { field })
  }
  if (common !== undefined) operators.set(fieldOfOperator(values, operators, fields), common)

  const conditions: [string, Record<string, Scalar | Scalar[]>][] = []
  for (const [field, texts] of values) {
    const type = fields[field] ?? 'string'
    conditions.push([field, conditionOf(field, texts, operators.get(field), type)])
  }
  return Object.fromEntries(conditions)
}

function fieldOfOperator(
  values: ReadonlyMap<string, readonly string[]>,
  operators: ReadonlyMap<string, string>,
  fields: FieldTable,
): string {
  const free = [...values.keys()].filter(
    field => !operators.has(field) && !values.get(field)?.some(text => COMPACT.test(text)),
  )
  const numbers = free.filter(
    field =>
      fields[field] === 'number' ||
      (fields[field] === 'scalar' && values.get(field)?.every(text => NUMBER.test(text)) === true),
  )
  const [field, ...more] = numbers.length > 0 ? numbers : free
  if (field !== undefined && more.length === 0) return field
  throw new InvalidQueryError(
    field === undefined
      ? 'The parameter "operator" is given without a field that it could apply to.'
      : `It is not clear which field the parameter "operator" applies to: ${[field, ...more].join(', ')}. ` +
          `Write "${field}.operator" instead.`,
    {
      field: OPERATOR,
      valid: [field, ...more].filter(one => one !== undefined).map(one => one + OPERATOR_SUFFIX),
    },
  )
}

function conditionOf(
  field: string,
  texts: readonly string[],
  operatorName: string | undefined,
  type: FieldType,
): Record<string, Scalar | Scalar[]> {
  if (operatorName !== undefined) return operation(field, operatorOf(field, operatorName), texts, type)
  const compact = texts.map(text => COMPACT.exec(text))
  if (compact.every(match => match === null)) return operation(field, 'eq', texts, type)
  const condition: Record<string, Scalar | Scalar[]> = {}
  for (const match of compact) {
    const operator = match?.[1] as Operator | undefined
    if (operator === undefined || operator in condition) {
      throw new InvalidQueryError(
        `The conditions on "${field}" do not go together. Write each operator once.`,
        {
          field,
        },
      )
    }
    Object.assign(condition, operation(field, operator, [match?.[2] ?? ''], type))
  }
  return condition
}

function operatorOf(field: string, name: string): Operator {
  const operator = OPERATOR_OF.get(name)
  if (operator !== undefined) return operator
  const valid = Object.keys(OPERATOR_NAMES)
  throw new InvalidQueryError(
    `There is no operator ${JSON.stringify(name)} (on "${field}"). Valid operators: ${valid.join(', ')}.`,
    { field, valid },
  )
}

function operation(
  field: string,
  operator: Operator,
  texts: readonly string[],
  type: FieldType,
): Record<string, Scalar | Scalar[]> {
  if (operator === 'in' || operator === 'between') {
    const parts = texts.length === 1 ? (texts[0] ?? '').split(',') : texts
    return {
      [operator]: parts.flatMap(text =>
        type === 'scalar' && operator === 'in' ? meaningsOf(text) : [valueOf(field, text, type)],
      ),
    }
  }
  const [text, ...more] = texts
  if (text === undefined || more.length > 0) {
    throw new InvalidQueryError(
      `The field "${field}" has ${texts.length} values. Give one, or the operator In or Between.`,
      { field },
    )
  }
  if (type === 'scalar' && operator === 'eq') {
    const meanings = meaningsOf(text)
    if (meanings.length > 1) return { in: meanings }
  }
  return { [operator]: valueOf(field, text, type) }
}

const NUMBER = /^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/

function valueOf(field: string, text: string, type: FieldType): Scalar {
  if (type === 'string') return text
  if (type === 'scalar') return meaningsOf(text)[0] as Scalar
  if (text === 'null') return null
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  if (type === 'number' && NUMBER.test(text) && Number.isFinite(Number(text))) return Number(text)
  const shown = JSON.stringify(text.slice(0, 100))
  throw new InvalidQueryError(
    type === 'number'
      ? `The field "${field}" is a number, not ${shown}.`
      : `The field "${field}" is true or false, not ${shown}.`,
    type === 'number' ? { field } : { field, valid: ['true', 'false'] },
  )
}

/** What the text may stand for in a field of unknown type; what it looks like comes first. */
function meaningsOf(text: string): Scalar[] {
  if (text === 'null') return [null, text]
  if (text === 'true' || text === 'false') return [text === 'true', text]
  if (NUMBER.test(text) && Number.isFinite(Number(text))) return [Number(text), text]
  return [/^".*"$/s.test(text) ? text.slice(1, -1) : text]
}

function unknownParameter(name: string, fields: FieldTable, reserved: readonly string[]): InvalidQueryError {
  const valid = [...Object.keys(fields), OPERATOR, ...reserved]
  return new InvalidQueryError(
    `There is no parameter ${JSON.stringify(name.slice(0, 100))}. Valid fields: ${Object.keys(fields).join(', ') || 'none'}; ` +
      `each may have a "field.operator"; further parameters: ${[OPERATOR, ...reserved].join(', ')}.`,
    { field: name, valid },
  )
}
