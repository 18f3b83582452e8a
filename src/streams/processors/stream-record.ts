import type { RecordHeader } from '../../records/record-batch.ts'
import type { Cell } from './cell.ts'

/**
 * What flows between processors: one shape for streams and tables, so that every call site stays monomorphic. A null
 * key or value is null here. Immutable: operators make new records and share the cells that they do not change.
 *
 * Between tables a record is a change: `value` is the new value and `old` the one before it. `old` is only filled
 * where somebody downstream asked for old values when the topology was built (Kafka Streams: Change, sendOldValues).
 */
export class StreamRecord {
  readonly key: Cell | null
  readonly value: Cell | null
  readonly old: Cell | null
  readonly timestamp: number
  readonly headers: readonly RecordHeader[]
  /** False for a row that a versioned table put behind a later one. */
  readonly isLatest: boolean

  constructor(
    key: Cell | null,
    value: Cell | null,
    old: Cell | null,
    timestamp: number,
    headers: readonly RecordHeader[],
    isLatest: boolean,
  ) {
    this.key = key
    this.value = value
    this.old = old
    this.timestamp = timestamp
    this.headers = headers
    this.isLatest = isLatest
  }

  withKey(key: Cell | null): StreamRecord {
    return new StreamRecord(key, this.value, this.old, this.timestamp, this.headers, this.isLatest)
  }

  withValue(value: Cell | null): StreamRecord {
    return new StreamRecord(this.key, value, null, this.timestamp, this.headers, this.isLatest)
  }

  withHeaders(headers: readonly RecordHeader[]): StreamRecord {
    return new StreamRecord(this.key, this.value, this.old, this.timestamp, headers, this.isLatest)
  }

  withTimestamp(timestamp: number): StreamRecord {
    return new StreamRecord(this.key, this.value, this.old, timestamp, this.headers, this.isLatest)
  }

  withChange(value: Cell | null, old: Cell | null, timestamp: number): StreamRecord {
    return new StreamRecord(this.key, value, old, timestamp, this.headers, this.isLatest)
  }
}
