import type { EvertError } from '../../errors.ts'

/**
 * What the coordinators and handlers of the broker may ask of its storage. Two implementations of the disk below it
 * (files, memory) share one implementation of this.
 */
export interface LogStorage {
  /** 22 characters of base64url, made when the directory was first opened. */
  readonly clusterId: string
  topics(): readonly TopicLog[]
  topic(name: string): TopicLog | undefined
  topicById(id: string): TopicLog | undefined
  /** Durable when it resolves. The caller has checked name, count and configs; the name is never a path. */
  createTopic(name: string, partitions: number, configs: Readonly<Record<string, string>>): Promise<TopicLog>
  /** Adds empty partitions up to `partitions`. */
  growTopic(name: string, partitions: number): Promise<TopicLog>
  configureTopic(name: string, configs: Readonly<Record<string, string>>): Promise<TopicLog>
  deleteTopic(name: string): Promise<void>
  /** The coordinators' own durable state: see Journal. */
  readonly journal: Journal
  /** Ends all writes, syncs, writes clean-shutdown marks. */
  close(): Promise<void>
}

export interface TopicLog {
  readonly id: string
  readonly name: string
  readonly configs: Readonly<Record<string, string>>
  readonly partitions: readonly PartitionLog[]
}

/**
 * One partition: record batches (magic 2), verbatim, by offset.
 *
 * Invariants: logStartOffset <= lastStableOffset <= highWatermark <= logEndOffset. Readers see only what is durable:
 * highWatermark moves when the fdatasync of a group commit returns (at once for `memory:`). lastStableOffset is
 * below the first record of the oldest open transaction, or highWatermark when none is open.
 */
export interface PartitionLog {
  readonly topicName: string
  readonly partition: number
  readonly logStartOffset: number
  readonly lastStableOffset: number
  readonly highWatermark: number
  readonly logEndOffset: number
  /**
   * Appends one or more whole batches, assigns offsets in place and resolves when they are durable. Checks magic,
   * size, checksum, and for batches with a producer id: epoch and sequence (a duplicate of one of the last five
   * batches answers its first result again). `code` is a Kafka error code (0 = fine): CORRUPT_MESSAGE,
   * OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, MESSAGE_TOO_LARGE, KAFKA_STORAGE_ERROR …
   * The order of calls is the order in the log: everything but the wait for the disk happens synchronously.
   */
  append(batches: Buffer): Promise<AppendResult>
  /** Appends a control batch that ends the producer's transaction; moves lastStableOffset; durable when it resolves. */
  appendMarker(marker: TransactionMarker): Promise<AppendResult>
  /** Whether the producer has an open transaction here, and its epoch. */
  openTransaction(producerId: number): { readonly epoch: number; readonly firstOffset: number } | undefined
  /**
   * Whole batches from the one that holds `offset` on, at least one batch, and no batch that ends at or beyond `end`
   * (highWatermark or lastStableOffset by isolation). May be shorter than maxBytes; empty at the end.
   * A slice of a file read or of the page that holds it: read-only.
   */
  read(offset: number, maxBytes: number, end: number): Promise<Buffer>
  /** Aborted transactions that overlap [from, to), for the Fetch answer. */
  abortedTransactions(
    from: number,
    to: number,
  ): { readonly producerId: number; readonly firstOffset: number }[]
  /** First record at or after the timestamp below `end`, or undefined. */
  offsetForTimestamp(
    timestampMs: number,
    end: number,
  ): Promise<{ offset: number; timestampMs: number } | undefined>
  /** Record with the greatest timestamp, for ListOffsets -3. */
  maxTimestamp(): Promise<{ offset: number; timestampMs: number } | undefined>
  /** DeleteRecords: moves logStartOffset up, durable when it resolves. */
  deleteBefore(offset: number): Promise<number>
  /** Called (once) after highWatermark or lastStableOffset has moved; the returned function takes it back. */
  onAdvance(listener: () => void): () => void
  readonly sizeBytes: number
}

export interface AppendResult {
  readonly code: number
  readonly message: string | undefined
  /** Offset of the first record, or -1. */
  readonly baseOffset: number
  readonly logStartOffset: number
  /** DISK, of a partition that takes no more appends because its disk failed. */
  readonly fault?: EvertError
}

export interface TransactionMarker {
  readonly producerId: number
  readonly producerEpoch: number
  readonly type: 'commit' | 'abort'
  readonly timestampMs: number
}

/**
 * A key-value journal: an append-only log of the broker's own durable entries (topics, producer ids, transactions,
 * group offsets, group epochs), read back whole at start and compacted by rewriting itself when mostly dead.
 *
 * Contract: entries of one `put` become durable together and in call order; `put` resolves after the fdatasync.
 * `entries()` gives the last value per key. Keys are namespaced by a prefix up to the first `/`: `offset/…`, `txn/…`.
 * Values are plain JSON data.
 */
export interface Journal {
  put(entries: readonly (readonly [key: string, value: JsonValue | undefined])[]): Promise<void>
  entries(prefix: string): Iterable<readonly [string, JsonValue]>
}

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue }
