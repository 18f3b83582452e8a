import { describeValue } from '../../contracts/schema.ts'
import { EvertError } from '../../errors.ts'
import { isPromise } from '../../internal/is-promise.ts'

/** The user's functions, without their types: the DSL checks the types where the topology is written. */
export type Predicate = (value: unknown, key: unknown) => boolean
export type Mapper = (value: unknown, key: unknown) => unknown
export type Joiner = (left: unknown, right: unknown, key: unknown) => unknown
export type Initializer = () => unknown
export type Aggregator = (aggregate: unknown, value: unknown, key: unknown) => unknown
export type Reducer = (aggregate: unknown, value: unknown) => unknown

/** Of what a predicate returned that is neither true nor false. Throws INVALID_VALUE. */
export function refuseAnswer(answer: unknown, node: string): void {
  if (typeof answer === 'boolean') return
  if (isPromise(answer)) answer.then(undefined, () => undefined)
  throw new EvertError(
    'INVALID_VALUE',
    `The predicate of "${node}" must return true or false, at once; it returned ` +
      `${isPromise(answer) ? 'a promise' : describeValue(answer)}.`,
  )
}
