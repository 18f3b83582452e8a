import type { Position } from '../contracts/position.ts'
import type { ByteStore, ByteString } from '../streams/state/byte-store.ts'

/**
 * What the running application shows of one view: its tasks on this instance, and when they move.
 *
 * Contract: `tasks()` lists the tasks whose state is restored and open; `onChange` calls back after each commit of
 * one of them and each change of the list.
 */
export interface LocalTasks<V> {
  /** Partitions of the view's table, here or elsewhere: numbered 0 to partitions − 1. */
  readonly partitions: number
  /** The topics whose offsets the positions of its tasks name. */
  readonly topics: readonly string[]
  /** Its rows come through a repartition topic, so that positions of the topics before it say nothing of them. */
  readonly isRepartitioned?: boolean
  /** Of a table that one task holds completely: how many partitions its topics have. */
  readonly inputPartitions?: number
  /** Where the rows of this encoded key live. */
  partitionFor(key: Buffer): number
  tasks(): readonly LocalTask<V>[]
  /** Returns the function that takes the listener back. */
  onChange(listener: () => void): () => void
}

/**
 * One partition of the view. Between two calls that run in one turn of the event loop nothing commits: a query that
 * does not await sees one state.
 */
export interface LocalTask<V> {
  readonly partition: number
  readonly rows: CommittedRows<V>
  /** The index store of the field, as SecondaryIndexes writes it; undefined when there is none. */
  readonly index: (field: string) => ByteStore | undefined
  /** What the rows reflect: next offsets of the task's own partitions. */
  position(): Position
}

/** The view's store as its last commit left it, values decoded. Ranges are those of ByteStore. */
export interface CommittedRows<V> {
  get(key: ByteString): V | undefined
  range(from?: ByteString, to?: ByteString): Iterable<readonly [ByteString, V]>
  /** May be approximate. */
  readonly size: number
}
