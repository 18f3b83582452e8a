import type { RecordBatch } from '../records/record-batch.ts'
import type { Cluster } from './cluster.ts'

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
}

export interface PartitionPosition {
  readonly topic: string
  readonly partition: number
  /** The next offset to read, or where to begin. */
  readonly offset: number | 'earliest' | 'latest'
}

export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  /** Records below this offset were not asked for: the first batch may begin earlier; skip them. */
  readonly firstOffset: number
  /** Data batches in order of offset; aborted and control batches are left out. Views of the fetched bytes. May be empty. */
  readonly batches: readonly RecordBatch[]
  /** The position after this answer, also beyond what was left out. */
  readonly nextOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
}

export interface PartitionProgress {
  /** Position of the caller: nextOffset of the last poll, or -1 while `earliest` or `latest` is looked up. */
  readonly position: number
  /** -1 until the first answer. */
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
}

/**
 * Reads assigned partitions from their leaders, ahead of the caller up to a limit.
 *
 * Contract: poll() gives each partition's batches in order, each offset once, never one of a partition that was
 * unassigned, paused or moved by seek() before. Rejects with a KafkaError (`topic`, `partition` set) for what the
 * caller must decide (OFFSET_OUT_OF_RANGE with `fail`, authorization): that partition then rests until seek().
 */
export declare class Fetcher implements AsyncDisposable {
  constructor(cluster: Cluster, options?: FetcherOptions)
  /** Adds partitions; one that is assigned already is moved. */
  assign(positions: Iterable<PartitionPosition>): void
  unassign(partitions: Iterable<{ readonly topic: string; readonly partition: number }>): void
  seek(topic: string, partition: number, offset: number | 'earliest' | 'latest'): void
  /** A paused partition keeps what is buffered and is not fetched beyond that. */
  pause(topic: string, partition: number): void
  resume(topic: string, partition: number): void
  progress(topic: string, partition: number): PartitionProgress | undefined
  /**
   * What is buffered, at once; otherwise waits up to `maxWaitMs` (default 100) for the first answer and may resolve
   * to nothing. A partition appears at most once in one result.
   */
  poll(options?: { readonly maxWaitMs?: number }): Promise<FetchedPartition[]>
  /** Ends a waiting poll() early, with nothing. */
  wakeUp(): void
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
