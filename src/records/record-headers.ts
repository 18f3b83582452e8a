import { EvertError } from '../errors.ts'
import type { RecordHeader } from './record-columns.ts'

/** Throws INVALID_ARGUMENT for what is no list of headers, and names the one that is wrong. */
export function assertHeaders(headers: unknown): asserts headers is readonly RecordHeader[] {
  if (!Array.isArray(headers)) throw invalid(`got ${nameOf(headers)}`)
  for (const [index, header] of headers.entries()) {
    const { key, value } = (header ?? {}) as { key?: unknown; value?: unknown }
    if (typeof key !== 'string') throw invalid(`header ${index} has ${nameOf(key)} as key`)
    if (value !== null && !Buffer.isBuffer(value)) {
      throw invalid(`the value of header "${key}" is ${nameOf(value)}; write Buffer.from(…)`)
    }
  }
}

function invalid(what: string): EvertError {
  return new EvertError(
    'INVALID_ARGUMENT',
    `The headers of a record are a list of { key: text, value: Buffer or null }: ${what}.`,
  )
}

function nameOf(value: unknown): string {
  return value === null || value === undefined ? String(value) : `a value of type ${typeof value}`
}
