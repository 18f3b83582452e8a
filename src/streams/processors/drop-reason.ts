/**
 * Why a record was not taken (Kafka Streams counts all of them as `dropped-records`):
 *
 * - `null-key`, `null-value`: the operator needs what the record does not have
 * - `late`: the window that it belongs to has closed
 * - `expired`: it is older than what the operator keeps
 * - `outdated`: a later row or request has taken its place
 * - `duplicate`: the same was taken before
 * - `no-partition`: the partitioner chose none
 * - `invalid-timestamp`: the timestamp extractor gave it no time
 * - `deserialization`: its key or value does not decode, and the error policy goes on without it
 * - `processing`: a function failed on it (or in a punctuation), and the error policy goes on without it
 * - `production`: this output of it cannot be written, and the error policy goes on without it
 */
export type DropReason =
  | 'null-key'
  | 'null-value'
  | 'late'
  | 'expired'
  | 'outdated'
  | 'duplicate'
  | 'no-partition'
  | 'invalid-timestamp'
  | 'deserialization'
  | 'processing'
  | 'production'

/** Of a record that lacks one of the two. */
export function missing(record: { readonly key: unknown }): DropReason {
  return record.key === null ? 'null-key' : 'null-value'
}
