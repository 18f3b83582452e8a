import { UnknownOperator } from './vector.ts'

/*
 * The named functions of the vectors. All keys and values are strings or null.
 */
type Text = string | null

export function predicate(name: string): (value: Text, key: Text) => boolean {
  const [kind, argument] = split(name)
  switch (kind) {
    case 'valueBelow':
      return value => value !== null && value < argument
    case 'lengthOdd':
      return value => value !== null && value.length % 2 === 1
    case 'all':
      return () => true
    case 'keyIn':
      return (_value, key) => key !== null && argument.includes(key)
    default:
      throw new UnknownOperator(`predicate ${name}`)
  }
}

export function mapper(name: string): (value: Text) => Text {
  const [kind, argument] = split(name)
  const ofText = (map: (value: string) => Text) => (value: Text) => (value === null ? null : map(value))
  switch (kind) {
    case 'upper':
      return ofText(value => value.toUpperCase())
    case 'append':
      return ofText(value => value + argument)
    case 'reverse':
      return ofText(value => value.split('').toReversed().join(''))
    case 'length':
      return ofText(value => String(value.length))
    case 'nullIfOdd':
      return ofText(value => (value.length % 2 === 1 ? null : value))
    default:
      throw new UnknownOperator(`mapper ${name}`)
  }
}

export function flatMapper(name: string): (value: Text) => string[] {
  const [kind, argument] = split(name)
  if (kind !== 'split') throw new UnknownOperator(`flatMapValues mapper ${name}`)
  return value => (value === null ? [] : value.split(argument).filter(part => part !== ''))
}

export function keySelector(name: string): (value: Text, key: Text) => Text {
  switch (name) {
    case 'firstChar':
      return value => value?.at(0) ?? null
    case 'lastChar':
      return value => value?.at(-1) ?? null
    case 'length':
      return value => (value === null ? null : String(value.length))
    case 'key':
      return (_value, key) => key
    case 'upperKey':
      return (_value, key) => key?.toUpperCase() ?? null
    default:
      throw new UnknownOperator(`key ${name}`)
  }
}

export function reducer(name: string): (aggregate: string, value: string) => string {
  switch (name) {
    case 'concat':
      return (a, b) => a + b
    case 'max':
      return (a, b) => (a > b ? a : b)
    case 'last':
      return (_a, b) => b
    default:
      throw new UnknownOperator(`reducer ${name}`)
  }
}

export function aggregator(name: string): (aggregate: string, value: string) => string | null {
  const log = (aggregate: string, value: string) => `${aggregate}+${value}`
  switch (name) {
    case 'log':
      return log
    case 'logShort':
      return (aggregate, value) => {
        const result = log(aggregate, value)
        return result.split('+').length > 4 ? null : result
      }
    default:
      throw new UnknownOperator(`aggregator ${name}`)
  }
}

export function subtractor(aggregate: string, value: string): string {
  return `${aggregate}-${value}`
}

/** Of two sessions' aggregates. */
export function merger(a: string, b: string): string {
  return `[${a}|${b}]`
}

export function joiner(left: Text, right: Text): string {
  return `(${left},${right})`
}

function split(name: string): [kind: string, argument: string] {
  const colon = name.indexOf(':')
  return colon < 0 ? [name, ''] : [name.slice(0, colon), name.slice(colon + 1)]
}
