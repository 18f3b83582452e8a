import { EvertError } from '../errors.ts'
import type { Instance } from './instance.ts'

/** What callers of an application that failed are told; undefined when it did not fail. */
export function failureOf({ applicationId, failure }: Instance): EvertError | undefined {
  if (failure === undefined) return undefined
  return new EvertError('NOT_READY', `The application "${applicationId}" failed: ${failure.message}`, {
    cause: failure,
  })
}

/** The default of `onFailure`: a warning of the process, with the stack of what was underneath. */
export function warnOf(error: Error): void {
  const { cause } = error
  const { stack } = cause instanceof Error ? cause : error
  process.emitWarning(error.message, { type: error.name, ...(stack !== undefined && { detail: stack }) })
}
