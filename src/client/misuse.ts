import { EvertError } from '../errors.ts'

/** A producer was called in a state in which the call makes no sense. */
export function misuse(what: string): EvertError {
  return new EvertError('INVALID_ARGUMENT', `Producer: ${what}.`)
}
