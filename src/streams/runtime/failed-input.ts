import type { AsyncCall } from '../processors/async-call.ts'
import type { FailedRecord } from '../processors/error-policy.ts'
import type { RecordColumns } from '../../records/record-columns.ts'

/** What a task was at when something failed. */
export interface FailedInput {
  /** In words, after "stopped". */
  readonly where: string
  readonly record: Omit<FailedRecord, 'kind' | 'application' | 'task' | 'node'>
}

export interface InputPlace {
  readonly topic: string
  readonly partition: number
  readonly columns: RecordColumns
  readonly index: number
}

export function failedRead({ topic, partition, columns, index }: InputPlace): FailedInput {
  const offset = columns.offset(index)
  return {
    where: `at ${topic}-${partition}, offset ${offset}`,
    record: {
      topic,
      partition,
      offset,
      timestamp: columns.timestamp(index),
      key: columns.key(index),
      value: columns.value(index),
      headers: columns.headers(index),
    },
  }
}

/** The record as the operator had it. Without a position: it was made by a punctuation. */
export function failedCall({ record, timestamp }: AsyncCall): FailedInput {
  const { key, value, headers, source } = record
  return {
    where:
      source === undefined
        ? 'at a record'
        : `at a record of ${source.topic}-${source.partition}, offset ${source.offset}`,
    record: { ...source, timestamp, key, value, headers },
  }
}

export function failedPunctuation(timeMs: number): FailedInput {
  return {
    where: `in a punctuation at ${timeMs}`,
    record: { timestamp: timeMs, key: null, value: null, headers: [] },
  }
}
