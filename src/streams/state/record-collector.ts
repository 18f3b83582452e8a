import type { RecordHeader } from '../../records/record-batch.ts'

/**
 * Where a task's outputs go: the runtime's producer, or the test driver's queues. Called synchronously while records
 * are processed; failures surface at the next commit.
 */
export interface RecordCollector {
  /**
   * `partition` undefined: the default partitioner (murmur2 of the key bytes; null keys by round robin).
   * Key and value may be slices of fetched batches: the collector copies them before it returns.
   */
  collect(
    topic: string,
    partition: number | undefined,
    timestamp: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: readonly RecordHeader[],
  ): void
}
