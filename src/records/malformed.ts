import { EvertError } from '../errors.ts'

export function malformed(detail: string, cause?: unknown): EvertError {
  return new EvertError('MALFORMED_BYTES', `The record batch is malformed: ${detail}.`, { cause })
}
