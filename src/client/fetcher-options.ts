export interface FetcherOptions {
  /** Default `read_committed`. */
  readonly isolation?: 'read_committed' | 'read_uncommitted'
  /** How long the broker may hold a fetch when there is nothing. Default 500. */
  readonly maxWaitMs?: number
  /** Default 1. */
  readonly minBytes?: number
  /** Of one answer. Default 16 MiB. */
  readonly maxBytes?: number
  /** Of one partition in one answer; a larger batch still comes whole. Default 1 MiB. */
  readonly partitionMaxBytes?: number
  /** Fetching stops while more than this waits for poll(). Default 64 MiB. */
  readonly maxBufferedBytes?: number
  /** What to do when a position is outside of the log. Default `fail`: poll() rejects. */
  readonly offsetReset?: 'earliest' | 'latest' | 'fail'
  /** Whether the checksum of every batch is compared. Default true. */
  readonly verifiesChecksums?: boolean
  /** How long a partition that does not exist (not yet, or not any more) is waited for. Default 10 000. */
  readonly topicTimeoutMs?: number
}

/** The options with every default filled in. */
export type FetcherSettings = Required<FetcherOptions>

export function fetcherSettings(options: FetcherOptions): FetcherSettings {
  return {
    isolation: 'read_committed',
    maxWaitMs: 500,
    minBytes: 1,
    maxBytes: 16 * 1024 * 1024,
    partitionMaxBytes: 1024 * 1024,
    maxBufferedBytes: 64 * 1024 * 1024,
    offsetReset: 'fail',
    verifiesChecksums: true,
    topicTimeoutMs: 10_000,
    ...options,
  }
}
