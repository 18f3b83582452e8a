import { describeValue } from '../contracts/schema.ts'
import { EvertError } from '../errors.ts'

/** What an option's value is, in words, and whether a value is that. */
export interface Rule {
  readonly words: string
  isMet(value: unknown): boolean
  /** What is wrong with one that is that: `names …`. Undefined: nothing. */
  faultOf?(value: unknown): string | undefined
  /** Of an object of options: their rules. */
  readonly fields?: Readonly<Record<string, Rule>>
  /** Whether it cannot be left out. */
  readonly isRequired?: boolean
}

/** One rule for each option, so that an option without one does not compile. */
export type RulesOf<Options> = Readonly<Record<keyof Options, Rule>>

/** Throws INVALID_ARGUMENT for an object of options that breaks their rules. One that is undefined counts as left out. */
export function requireOptions<Options>(
  call: string,
  options: unknown,
  rules: RulesOf<Options>,
): asserts options is Record<keyof Options, unknown> {
  requireFields({ call, path: '' }, options, rules)
}

interface Place {
  readonly call: string
  /** Of the object within the options: ``, `http.` */
  readonly path: string
}

function requireFields({ call, path }: Place, options: unknown, rules: Readonly<Record<string, Rule>>): void {
  const names = Object.keys(rules)
    .map(name => path + name)
    .join(', ')
  if (!isObject(options)) {
    throw refused(`${call} needs an object of options, not ${describeValue(options)}. Options: ${names}`)
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(rules, name)) continue
    throw refused(`${call} has no option ${JSON.stringify(path + name)}. Options: ${names}`)
  }
  for (const [name, rule] of Object.entries(rules)) {
    const value = options[name]
    if (value !== undefined) requireValue({ call, path: path + name }, value, rule)
    else if (rule.isRequired) throw refused(`${call} needs the option "${path}${name}": ${rule.words}`)
  }
}

function requireValue({ call, path }: Place, value: unknown, rule: Rule): void {
  const option = `The option "${path}" of ${call}`
  if (!rule.isMet(value)) throw refused(`${option} is ${rule.words}, not ${describeValue(value)}`)
  if (rule.fields !== undefined && isObject(value)) {
    requireFields({ call, path: `${path}.` }, value, rule.fields)
  }
  const fault = rule.faultOf?.(value)
  if (fault !== undefined) throw refused(`${option} ${fault}`)
}

function refused(message: string): EvertError {
  return new EvertError('INVALID_ARGUMENT', `${message}.`)
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
