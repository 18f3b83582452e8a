import { EvertError } from '../../errors.ts'
import type { StreamRecord } from './stream-record.ts'

/**
 * Gives a record its event time, ms. A negative result drops the record, and it is counted. `partitionTime` is the
 * greatest timestamp that came out of the record's partition before, -1 at its beginning; it outlives restarts. A
 * record without a value is not shown to it and keeps the timestamp that it has.
 */
export type TimestampFunction<K, V> = (
  value: V,
  key: K,
  recordTimestamp: number,
  partitionTime: number,
) => number

/**
 * Kafka Streams' own extractors. A record whose timestamp is negative: `failOnInvalid` treats as one that fails,
 * `skipInvalid` drops and counts, `partitionTimeOnInvalid` stamps with its partition's time (fails if there is none
 * yet). `wallClock` stamps every record with the time at which it is next in its partition.
 */
export type BuiltInTimestamp = 'failOnInvalid' | 'skipInvalid' | 'partitionTimeOnInvalid' | 'wallClock'

export type TimestampExtractor<K, V> = BuiltInTimestamp | TimestampFunction<K, V>

/** Undefined: the record's own timestamp, and nothing to decide before its turn. */
export function timestampReader(
  extractor: TimestampExtractor<unknown, unknown> | undefined,
  nowMs: () => number,
): ((record: StreamRecord, partitionTime: number) => number) | undefined {
  if (typeof extractor === 'function') return (record, time) => extracted(extractor, record, time)
  if (extractor === 'skipInvalid') return ({ timestamp }) => timestamp
  if (extractor === 'partitionTimeOnInvalid') return partitionTimeOnInvalid
  return extractor === 'wallClock' ? nowMs : undefined
}

function extracted(
  extractor: TimestampFunction<unknown, unknown>,
  { key, value, timestamp }: StreamRecord,
  partitionTime: number,
): number {
  if (value === null) return timestamp
  const time = extractor(value.value, key?.value ?? null, timestamp, partitionTime)
  if (Number.isSafeInteger(time)) return time
  throw new EvertError(
    'INVALID_VALUE',
    `The timestamp function returned ${String(time)}: not whole milliseconds.`,
  )
}

function partitionTimeOnInvalid({ timestamp }: StreamRecord, partitionTime: number): number {
  if (timestamp >= 0) return timestamp
  if (partitionTime >= 0) return partitionTime
  throw new EvertError(
    'INVALID_VALUE',
    `Its timestamp is negative: ${timestamp}; and no record of its partition gave it a time before.`,
  )
}
