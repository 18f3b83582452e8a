import { EvertError } from '../errors.ts'
import { AssignedPartition, type PartitionProgress } from './assigned-partition.ts'
import type { Cluster } from './cluster.ts'
import { FetchLoop } from './fetch-loop.ts'
import type { FetchedPartition } from './fetched-partition.ts'
import { type FetcherOptions, fetcherSettings } from './fetcher-options.ts'
import { holdProcess } from '../internal/hold-process.ts'
import type { TopicPartition } from './topic-partitions.ts'

export type { FetchedPartition } from './fetched-partition.ts'

export interface PartitionPosition {
  readonly topic: string
  readonly partition: number
  /** The next offset to read, or where to begin. */
  readonly offset: number | 'earliest' | 'latest'
}

/**
 * Reads assigned partitions from their leaders, ahead of the caller up to a limit.
 *
 * Contract: poll() gives each partition's batches in order, each offset once, never one of a partition that was
 * unassigned, paused or moved by seek() before. Rejects with a KafkaError (`topic`, `partition` set) for what the
 * caller must decide (OFFSET_OUT_OF_RANGE with `fail`, authorization, a topic that does not exist any more), and for
 * damaged records (of a log in this process DAMAGED_DATA, with the file and the byte): once,
 * after everything before it was given; that partition then rests until seek() or assign().
 */
export class Fetcher implements AsyncDisposable {
  readonly #cluster: Cluster
  readonly #partitions = new Map<string, AssignedPartition>()
  readonly #loop: FetchLoop
  #wake: (() => void) | undefined
  #failure: Error | undefined
  #isClosed = false

  constructor(cluster: Cluster, options: FetcherOptions = {}) {
    this.#cluster = cluster
    this.#loop = new FetchLoop({
      cluster,
      settings: fetcherSettings(options),
      partitions: this.#partitions,
      onReady: () => this.wakeUp(),
      onFailure: error => {
        this.#failure = error
        this.wakeUp()
      },
    })
  }

  /** Adds partitions; one that is assigned already is moved. */
  assign(positions: Iterable<PartitionPosition>): void {
    for (const { topic, partition, offset } of positions) {
      this.unassign([{ topic, partition }])
      const assigned = new AssignedPartition(topic, partition)
      this.#partitions.set(keyOf(topic, partition), assigned)
      assigned.moveTo(offset)
    }
    this.#loop.schedule()
  }

  unassign(partitions: Iterable<TopicPartition>): void {
    for (const { topic, partition } of partitions) {
      this.#partitions.get(keyOf(topic, partition))?.discard()
      this.#partitions.delete(keyOf(topic, partition))
    }
  }

  /** Throws INVALID_ARGUMENT for a partition that is not assigned; so do pause and resume. */
  seek(topic: string, partition: number, offset: number | 'earliest' | 'latest'): void {
    this.#require(topic, partition).moveTo(offset)
    this.#loop.schedule()
  }

  /** A paused partition keeps what is buffered and is not fetched beyond that. */
  pause(topic: string, partition: number): void {
    this.#require(topic, partition).isPaused = true
  }

  resume(topic: string, partition: number): void {
    const assigned = this.#require(topic, partition)
    if (!assigned.isPaused) return
    assigned.isPaused = false
    if (assigned.hasBuffered) this.wakeUp()
    this.#loop.schedule()
  }

  progress(topic: string, partition: number): PartitionProgress | undefined {
    return this.#partitions.get(keyOf(topic, partition))
  }

  /**
   * What is buffered, at once; otherwise waits up to `maxWaitMs` (default 100) for the first answer and may resolve
   * to nothing. A partition appears at most once in one result.
   */
  async poll({ maxWaitMs = 100 }: { readonly maxWaitMs?: number } = {}): Promise<FetchedPartition[]> {
    if (this.#isClosed) throw new EvertError('CLOSED', 'The fetcher was closed.')
    let fetched = this.#take()
    if (fetched.length === 0 && maxWaitMs > 0) {
      await this.#wait(maxWaitMs)
      fetched = this.#take()
    }
    if (fetched.length > 0) this.#loop.schedule()
    return fetched
  }

  /** Ends a waiting poll() early, with nothing. */
  wakeUp(): void {
    this.#wake?.()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#partitions.clear()
    this.wakeUp()
    await this.#loop.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #require(topic: string, partition: number): AssignedPartition {
    const assigned = this.#partitions.get(keyOf(topic, partition))
    if (assigned !== undefined) return assigned
    throw new EvertError(
      'INVALID_ARGUMENT',
      `Partition ${topic}-${partition} is not assigned to this fetcher.`,
    )
  }

  #take(): FetchedPartition[] {
    const failure = this.#failure ?? this.#unreportedError()
    if (failure !== undefined) {
      this.#failure = undefined
      throw failure
    }
    const fetched: FetchedPartition[] = []
    for (const assigned of this.#partitions.values()) {
      if (!assigned.isPaused && assigned.hasBuffered) fetched.push(assigned.take())
    }
    return fetched
  }

  /** However much the other partitions have: an error does not wait behind them. */
  #unreportedError(): Error | undefined {
    for (const { error, hasBuffered } of this.#partitions.values()) {
      if (error === undefined || error.isReported || hasBuffered) continue
      error.isReported = true
      return error.cause
    }
    return undefined
  }

  #wait(maxWaitMs: number): Promise<void> {
    return new Promise(resolve => {
      const release = holdProcess()
      const done = (): void => {
        this.#wake = undefined
        release()
        cancel()
        resolve()
      }
      const cancel = this.#cluster.clock.schedule(maxWaitMs, done)
      this.#wake = done
    })
  }
}

function keyOf(topic: string, partition: number): string {
  return `${partition}/${topic}`
}
