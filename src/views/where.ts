import { EvertError } from '../errors.ts'
import { unreachable } from '../internal/assert.ts'
import { describeValue } from '../contracts/schema.ts'
import type { Scalar } from '../streams/dsl/view-query.ts'
import { compareFieldValues, fieldValue, type FieldValue, isComparable, isScalar } from './field-value.ts'

/** One condition, parsed and checked. A query is the AND of its terms. */
export type Term =
  | { readonly field: string; readonly operator: ComparisonOperator; readonly operand: Scalar }
  | { readonly field: string; readonly operator: 'in'; readonly operands: readonly Scalar[] }

export type ComparisonOperator = 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte'

/** The operators that a where-clause may use. */
export const OPERATORS = ['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'between'] as const
export type Operator = (typeof OPERATORS)[number]

/**
 * Parses a where-clause that may come from anywhere. `fields` are the valid ones; undefined lets all pass.
 * Throws INVALID_QUERY that names the fault and the valid fields or operators.
 */
export function parseWhere(where: unknown, fields?: readonly string[]): Term[] {
  if (!isPlainObject(where)) {
    throw invalid(`A where-clause is an object of conditions by field, not ${describeValue(where)}.`)
  }
  return Object.entries(where).flatMap(([field, condition]) => {
    assertField(field, fields)
    return parseCondition(field, condition)
  })
}

/** Throws INVALID_QUERY for a field that is not among the valid ones. */
export function assertField(field: string, fields: readonly string[] | undefined): void {
  if (fields === undefined || fields.includes(field)) return
  throw invalid(`There is no field ${JSON.stringify(field)} to query. Valid fields: ${fields.join(', ')}.`, {
    field,
    valid: fields,
  })
}

/** Whether a row fulfils all terms; made once per query. */
export function compileTerms(terms: readonly Term[]): (row: unknown) => boolean {
  const checks = terms.map(term => {
    const { field } = term
    const holds = compileTerm(term)
    return (row: unknown) => holds(fieldValue(row, field))
  })
  const [first, second] = checks
  if (first === undefined) return () => true
  if (second === undefined) return first
  return row => checks.every(check => check(row))
}

/** A query that does not fit; `field` and `valid` tell which field, and what would be right. */
export class InvalidQueryError extends EvertError {
  readonly field: string | undefined
  readonly valid: readonly string[] | undefined

  constructor(message: string, about: { field?: string; valid?: readonly string[] } = {}) {
    super('INVALID_QUERY', message)
    this.field = about.field
    this.valid = about.valid
  }
}

function parseCondition(field: string, condition: unknown): Term[] {
  if (isScalar(condition)) return [{ field, operator: 'eq', operand: condition }]
  if (!isPlainObject(condition)) {
    throw invalid(
      `The condition on "${field}" is ${describeValue(condition)}. Give a string, number, boolean or null, ` +
        `or an object of operators: ${OPERATORS.join(', ')}.`,
      { field, valid: OPERATORS },
    )
  }
  const entries = Object.entries(condition)
  if (entries.length === 0) {
    throw invalid(`The condition on "${field}" has no operator. Valid operators: ${OPERATORS.join(', ')}.`, {
      field,
      valid: OPERATORS,
    })
  }
  return entries.flatMap(([operator, operand]) => parseOperator(field, operator, operand))
}

function parseOperator(field: string, operator: string, operand: unknown): Term[] {
  switch (operator) {
    case 'eq':
    case 'ne':
      return [{ field, operator, operand: scalar(field, operator, operand) }]
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return [{ field, operator, operand: present(field, operator, operand) }]
    case 'in':
      return [
        { field, operator, operands: list(field, operator, operand).map(one => scalar(field, 'in', one)) },
      ]
    case 'between': {
      const [low, high, ...more] = list(field, operator, operand).map(one => present(field, 'between', one))
      if (low === undefined || high === undefined || more.length > 0) {
        throw invalid(`The operator "between" on "${field}" takes two values, the lowest and the highest.`, {
          field,
        })
      }
      return [
        { field, operator: 'gte', operand: low },
        { field, operator: 'lte', operand: high },
      ]
    }
    default:
      throw invalid(
        `There is no operator ${JSON.stringify(operator)} (on "${field}"). Valid operators: ${OPERATORS.join(', ')}.`,
        { field, valid: OPERATORS },
      )
  }
}

function scalar(field: string, operator: string, operand: unknown): Scalar {
  if (isScalar(operand)) return operand
  throw invalid(
    `The operator "${operator}" on "${field}" takes a string, number, boolean or null, not ${describeValue(operand)}.`,
    { field },
  )
}

function present(field: string, operator: string, operand: unknown): Scalar {
  if (operand !== null) return scalar(field, operator, operand)
  throw invalid(`The operator "${operator}" on "${field}" cannot take null, which has no order.`, { field })
}

function list(field: string, operator: string, operand: unknown): unknown[] {
  if (Array.isArray(operand)) return operand
  throw invalid(`The operator "${operator}" on "${field}" takes an array, not ${describeValue(operand)}.`, {
    field,
  })
}

function compileTerm(term: Term): (value: FieldValue) => boolean {
  if (term.operator === 'in') {
    // A set finds -0 for 0 and compares types, as eq does.
    const operands = new Set<FieldValue>(term.operands)
    return value => operands.has(value)
  }
  const { operand } = term
  switch (term.operator) {
    case 'eq':
      return value => value === operand
    case 'ne':
      return value => value !== operand
    case 'gt':
      return value => isComparable(value, operand) && compareFieldValues(value, operand) > 0
    case 'gte':
      return value => isComparable(value, operand) && compareFieldValues(value, operand) >= 0
    case 'lt':
      return value => isComparable(value, operand) && compareFieldValues(value, operand) < 0
    case 'lte':
      return value => isComparable(value, operand) && compareFieldValues(value, operand) <= 0
    default:
      return unreachable(term)
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function invalid(message: string, about?: { field?: string; valid?: readonly string[] }): InvalidQueryError {
  return new InvalidQueryError(message, about)
}
