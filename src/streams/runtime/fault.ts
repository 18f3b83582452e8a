import { type ErrorCode, EvertError } from '../../errors.ts'
import { AssertionError } from '../../internal/assert.ts'

/** What storage and producer throw is no reason to skip a record, and bugs of ours are none either. */
export function isFaultOfRecord(error: unknown): boolean {
  if (error instanceof AssertionError) return false
  return !(error instanceof EvertError) || !FAULTS_OF_SURROUNDINGS.has(error.code)
}

const FAULTS_OF_SURROUNDINGS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'BUFFER_FULL',
  'CLOSED',
  'CONNECTION',
  'DAMAGED_DATA',
  'DISK',
  'KAFKA',
  'NOT_READY',
  'TASK_MIGRATED',
  'TIMEOUT',
])
