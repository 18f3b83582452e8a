/**
 * Bytes as a string of code units 0–255 (latin1). JavaScript compares such strings in byte order and hashes them
 * natively, so one value serves as Map key, as sort key and, decoded, as the bytes on disk.
 */
export type ByteString = string

/** The longest key of a store, the same for every engine: what runs in memory runs on disk. */
export const MAX_KEY_BYTES = 3_750

/** What an index may put in front of a store's key: the key of its entry then fits wherever the store's key does. */
export const MAX_INDEX_PREFIX_BYTES = 250

/**
 * The port that a storage engine implements: one ordered map from bytes to bytes per store and task, all stores of a
 * task committed together.
 *
 * Contract: reads see what the last `commit` left; `commit` is atomic across the stores of the task, and after a
 * crash a reopened task stands at some earlier commit, never between two. Reads are synchronous. Buffers returned
 * are valid until the next call on the task: decode or copy at once. Ranges are in ascending byte order (descending with
 * `reverse`), see one snapshot, and must be closed (`return`) when left early, as for-of does.
 */
export interface TaskState {
  /** Opens (makes) a store. Names come from the topology and never become paths. */
  store(name: string): ByteStore
  /** What the last commit recorded: for each changelog partition the next offset to apply, and more by name. */
  metadata(name: string): string | undefined
  /**
   * The longest key of a store: callers refuse longer ones before they promise anything. `commit` takes keys that
   * are longer by MAX_INDEX_PREFIX_BYTES, for indexes, and none beyond.
   */
  readonly maxKeyBytes: number
  /** Whether writes in order of their keys are cheaper. */
  readonly prefersSortedWrites: boolean
  /**
   * Applies writes of all stores and metadata in one transaction. An entry and its buffer need only live until the
   * next one is asked for. Throws DISK when the disk refuses; a throw leaves everything as it was.
   */
  commit(writes: readonly StoreWrites[], metadata: Readonly<Record<string, string>>): void
  close(): Promise<void>
}

export interface ByteStore {
  readonly name: string
  get(key: ByteString): Buffer | undefined
  /** Entries from `from` (inclusive; undefined = first) up to `to` (exclusive; undefined = last). */
  range(
    from?: ByteString,
    to?: ByteString,
    options?: { reverse?: boolean },
  ): Iterable<readonly [ByteString, Buffer]>
  /** Number of entries; may be approximate while writes are in flight. */
  readonly size: number
}

/** What a range may return that finds nothing: whoever asked can then tell before it iterates. */
export const NO_ENTRIES: readonly never[] = []

export interface StoreWrites {
  readonly store: string
  /** Empties the store first. Default false. */
  readonly clear?: boolean
  /** undefined deletes; the last entry of a key wins. */
  readonly entries: Iterable<readonly [ByteString, Buffer | undefined]>
}

/**
 * Opens the state of tasks in one place: a directory, or memory. Task ids are `<sub-topology>_<partition>`; a task is
 * open at most once at a time.
 */
export interface StateEngine {
  /** Names this place: a random text, the same each time it is opened. */
  readonly instanceId: string
  readonly name: 'memory' | 'lmdb'
  /** The rewind of the application that the state here comes after; undefined: none. Kept with the state. */
  rewindId: string | undefined
  openTask(taskId: string): TaskState
  /** Whether anybody of this process has the task open. */
  isOpen(taskId: string): boolean
  /** Forgets everything that the task stored. The task must not be open. */
  dropTask(taskId: string): Promise<void>
  /** Ids of the tasks that have state here. */
  tasks(): string[]
  close(): Promise<void>
}
