import { type FetchedPartition, mergeFetched } from './fetched-partition.ts'

export interface PartitionProgress {
  /** Position of the caller: nextOffset of the last poll, or -1 while `earliest` or `latest` is looked up. */
  readonly position: number
  /** -1 until the first answer. */
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
}

/** Where one assigned partition stands: what was given to the caller, what waits for it, what is being asked for. */
export class AssignedPartition implements PartitionProgress {
  readonly topic: string
  readonly partition: number
  /** Raised when what was asked for no longer counts. */
  generation = 0
  position = -1
  /** Where the next fetch begins: behind what is buffered. */
  fetchOffset = -1
  /** The position to look up before anything is fetched. */
  lookUp: 'earliest' | 'latest' | undefined
  isPaused = false
  /** A request about it has no answer yet. */
  isAsked = false
  /** After a failure, until a timer ends it. */
  isResting = false
  failures = 0
  /** Since when the cluster says that there is no such partition. */
  missingSinceMs: number | undefined
  /** What the caller must decide: nothing is asked for until it moves the partition. */
  error: { readonly cause: Error; isReported: boolean } | undefined
  highWatermark = -1
  lastStableOffset = -1
  logStartOffset = -1
  #buffered: FetchedPartition[] = []
  #bufferedBytes = 0

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get hasBuffered(): boolean {
    return this.#buffered.length > 0
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  /** Goes on elsewhere: forgets what is buffered; what was asked for will not be recognised. */
  moveTo(offset: number | 'earliest' | 'latest'): void {
    this.discard()
    const isKnown = typeof offset === 'number'
    this.lookUp = isKnown ? undefined : offset
    this.position = isKnown ? offset : -1
    this.fetchOffset = this.position
    this.isResting = false
    this.missingSinceMs = undefined
    this.error = undefined
  }

  discard(): void {
    this.#buffered = []
    this.#bufferedBytes = 0
    this.generation++
    this.isAsked = false
  }

  /** The offset that was looked up. */
  beginAt(offset: number): void {
    this.lookUp = undefined
    this.position = offset
    this.fetchOffset = offset
    this.#recover()
  }

  /** What a leader said of its log. */
  progressed({ highWatermark, lastStableOffset, logStartOffset }: Omit<PartitionProgress, 'position'>): void {
    this.highWatermark = highWatermark
    this.lastStableOffset = lastStableOffset
    this.logStartOffset = logStartOffset
    this.#recover()
  }

  /** Keeps an answer until it is taken. */
  buffer(fetched: FetchedPartition, sizeBytes: number): void {
    this.fetchOffset = fetched.nextOffset
    this.#buffered.push(fetched)
    this.#bufferedBytes += sizeBytes
  }

  /** Gives what is buffered, which is not nothing, to the caller. */
  take(): FetchedPartition {
    const fetched = mergeFetched(this.#buffered)
    this.#buffered = []
    this.#bufferedBytes = 0
    this.position = fetched.nextOffset
    return fetched
  }

  #recover(): void {
    this.failures = 0
    this.missingSinceMs = undefined
  }
}
