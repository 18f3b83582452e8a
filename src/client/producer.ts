import type { Compression } from '../records/compression.ts'
import type { RecordHeader } from '../records/record-batch.ts'
import type { Cluster } from './cluster.ts'

export interface ProducerOptions {
  /** Makes the producer transactional: every append is inside begin() … commit()/abort(). */
  readonly transactionalId?: string
  /** The coordinator aborts a transaction that is open for longer. Default 60 000. */
  readonly transactionTimeoutMs?: number
  readonly compression?: Compression
  /** A batch is closed before it grows beyond this. Default 256 KiB. */
  readonly batchBytes?: number
  /** How long an unfull batch waits for more records; 0 sends at the end of the current turn. Default 0. */
  readonly lingerMs?: number
  /** Default 1 MiB. */
  readonly maxRequestBytes?: number
  /** Produce requests in flight per node, 1 to 5. Default 5. */
  readonly maxInFlight?: number
  /** When more than this waits for acknowledgement, `isFull` is true and drained() waits. Default 32 MiB. */
  readonly bufferBytes?: number
  /** From append to acknowledgement, over all retries. Default 120 000. */
  readonly deliveryTimeoutMs?: number
}

export interface ProducerRecord {
  readonly topic: string
  /** Default: murmur2 of the key; null keys stick to one partition per batch, round robin. */
  readonly partition?: number
  /** Default: the clock's now. */
  readonly timestamp?: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: readonly RecordHeader[]
}

export interface CommittableOffset {
  readonly topic: string
  readonly partition: number
  /** The next offset to read. */
  readonly offset: number
  readonly metadata?: string
}

/** The group on whose behalf offsets are committed; member and epoch fence a member that lost its tasks. */
export interface GroupIdentity {
  readonly groupId: string
  readonly memberId?: string
  /** Member epoch (streams, consumer protocol) or generation (classic). */
  readonly epoch?: number
  readonly instanceId?: string
}

/**
 * An idempotent producer: appended records reach their partition in order, once, or their failure is reported.
 *
 * Contract: `append` copies what it is given and never waits. A failed delivery is never silent: it rejects the
 * `send` of its record and the next `flush` or `commit`. In a transaction it also poisons it: only `abort` leads on.
 * Calls of begin/commit/abort do not overlap. ProducerFencedError: another instance took over the transactional id;
 * nothing of the open transaction becomes visible; init() would take the id back.
 */
export declare class Producer implements AsyncDisposable {
  constructor(cluster: Cluster, options?: ProducerOptions)
  /** Takes the producer id. Transactional: fences older instances of the id and ends what they left open. Called by need otherwise. */
  init(): Promise<void>
  /** Fetches the metadata of topics before the first append, so that appends go straight to their batches. */
  prepare(topics: readonly string[]): Promise<void>
  append(
    topic: string,
    partition: number | undefined,
    timestamp: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: readonly RecordHeader[],
  ): void
  /** Appends one record; resolves when it is acknowledged (offset -1 when the broker only knows that it is a duplicate). */
  send(record: ProducerRecord): Promise<{ partition: number; offset: number }>
  /** Sends what is buffered; resolves when everything appended before is acknowledged, rejects with the first failure since the last call. */
  flush(): Promise<void>
  begin(): void
  /**
   * Makes the transaction's records and the given offsets visible together. Resolves only after an exact answer of
   * the coordinator. Rejects with an error after which abort() is due, or with ProducerFencedError.
   */
  commit(options?: {
    readonly offsets?: readonly CommittableOffset[]
    readonly group?: GroupIdentity
  }): Promise<void>
  /** Drops what is buffered and ends the transaction without a trace for committed readers. */
  abort(): Promise<void>
  /** Bytes appended and not yet acknowledged. */
  readonly bufferedBytes: number
  readonly isFull: boolean
  /** Resolves when bufferedBytes is at most half of the limit. */
  drained(): Promise<void>
  /** Flushes (aborts an open transaction) and releases the connections. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
