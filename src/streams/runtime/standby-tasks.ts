/*
 * Standby tasks: warm copies of the state of tasks that are active elsewhere.
 *
 * Algorithm. The changelogs of all standby tasks are read by one fetcher, read committed and without end, and applied
 * batch by batch with the offset behind each, exactly as a restore does. A store over a source topic follows only
 * what the group has committed of it, which is asked for once a second. When the task becomes active here, its open
 * state is handed over, and the restore that follows finds only the last moments missing.
 *
 * State. Per standby task its open stores and the places of its changelogs; stores that were released a moment ago
 * and are kept open, since a standby task that becomes active is given up before it is given back.
 *
 * Why it is correct. Only committed records are applied, in their order, and a store's mark says up to where: a
 * standby task's state is at every moment one that a restore would have passed through.
 */
import type { Cluster } from '../../client/cluster.ts'
import { type FetchedPartition, Fetcher } from '../../client/fetcher.ts'
import { isOutOfRange, isTopicMissing, KafkaError } from '../../client/kafka-error.ts'
import { backoffMs, delay } from '../../client/retry.ts'
import type { SubTopology } from '../graph/topology.ts'
import type { TaskStores } from '../state/task-stores.ts'
import { StaleStateError } from './log-mark.ts'
import type { Logger } from './logger.ts'
import { isPassing } from './migration.ts'
import { openTaskStores, type StoreEnvironment } from './open-stores.ts'
import { type ChangelogPlace, changelogMark, changelogPlaces, inputOffsetsOf, recordsOf } from './restore.ts'
import { readSkipped, restoredSources } from './skipped-records.ts'

export interface StandbyTasksOptions extends StoreEnvironment {
  readonly cluster: Cluster
  readonly groupId: string
  readonly logger: Logger
  /** Called for what no other attempt gets past. */
  readonly onFailure: (error: Error) => void
}

/** How far a standby task is. */
export interface StandbyProgress {
  readonly id: string
  /** Offsets of its changelogs that it does not have yet; undefined until it has read something. */
  readonly lag: number | undefined
  /** By store: the first offset of its changelog that it does not have; empty until it has read something. */
  readonly reached: ReadonlyMap<string, number>
}

const POLL_MS = 500
/** Smaller than an active task's: records that are processed come first. */
const PARTITION_BYTES = 256 * 1024
const LIMIT_INTERVAL_MS = 1_000
const RELEASED_FOR_MS = 1_000

export class StandbyTasks {
  readonly #options: StandbyTasksOptions
  readonly #standbys = new Map<string, Standby>()
  /** By changelog partition. */
  readonly #readers = new Map<string, Reader>()
  readonly #released = new Map<string, { readonly stores: TaskStores; readonly cancel: () => void }>()
  #fetcher: Fetcher | undefined
  #loop: Promise<void> | undefined
  #cancelLimits = (): void => {}
  #isClosed = false

  constructor(options: StandbyTasksOptions) {
    this.#options = options
  }

  has(id: string): boolean {
    return this.#standbys.has(id)
  }

  get tasks(): { readonly id: string; readonly subTopology: SubTopology; readonly partition: number }[] {
    return [...this.#standbys.values()]
  }

  progress(): StandbyProgress[] {
    return [...this.#standbys.values()].map(standby => ({
      id: standby.id,
      lag: this.#lagOf(standby),
      reached: new Map(standby.readers?.map(({ place, reached }) => [place.store, reached])),
    }))
  }

  /** Keeps a copy of the task's state from now on. Throws what the disk refuses. */
  start(subTopology: SubTopology, partition: number): void {
    const id = `${subTopology.id}_${partition}`
    const stores = this.#recycled(id) ?? openTaskStores(subTopology, partition, this.#options)
    const standby: Standby = {
      id,
      subTopology,
      partition,
      stores,
      readers: undefined,
      skipped: new Map(),
      abort: new AbortController(),
      prepared: Promise.resolve(),
    }
    this.#standbys.set(id, standby)
    standby.prepared = this.#prepare(standby)
  }

  /** Ends the standby task. Its state stays open for a moment, for `take`. */
  async stop(id: string): Promise<void> {
    const standby = this.#standbys.get(id)
    if (standby === undefined) return
    const stores = await this.#end(standby)
    const cancel = this.#options.cluster.clock.schedule(RELEASED_FOR_MS, () => {
      this.#released.delete(id)
      stores.close().catch((error: unknown) => this.#options.onFailure(error as Error))
    })
    this.#released.set(id, { stores, cancel })
  }

  /** The open state of a standby task that is, or was a moment ago, kept here: the caller's from now on. */
  async take(id: string): Promise<TaskStores | undefined> {
    const standby = this.#standbys.get(id)
    return standby === undefined ? this.#recycled(id) : this.#end(standby)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelLimits()
    const open = await Promise.all([...this.#standbys.values()].map(standby => this.#end(standby)))
    for (const { stores, cancel } of this.#released.values()) {
      cancel()
      open.push(stores)
    }
    this.#released.clear()
    await this.#fetcher?.close()
    await this.#loop
    for (const stores of open) await stores.close()
  }

  #recycled(id: string): TaskStores | undefined {
    const released = this.#released.get(id)
    released?.cancel()
    this.#released.delete(id)
    return released?.stores
  }

  async #end(standby: Standby): Promise<TaskStores> {
    this.#standbys.delete(standby.id)
    standby.abort.abort()
    await standby.prepared
    this.#unassign(standby)
    return standby.stores
  }

  #unassign(standby: Standby): void {
    for (const { place } of standby.readers ?? []) {
      const changelog = { topic: place.topic, partition: standby.partition }
      this.#readers.delete(keyOf(changelog))
      this.#fetcher?.unassign([changelog])
    }
    standby.readers = undefined
  }

  /** Finds where its stores stand and lets their changelogs be read on, again after what passes. Never rejects. */
  async #prepare(standby: Standby): Promise<void> {
    const { cluster, logger, onFailure } = this.#options
    for (let attempt = 0; !standby.abort.signal.aborted; attempt++) {
      try {
        const places = await this.#places(standby)
        if (!standby.abort.signal.aborted) this.#read(standby, places)
        return
      } catch (error) {
        if (standby.abort.signal.aborted) return
        if (!isPassing(error) && !isTopicMissing(error)) return onFailure(error as Error)
        logger.warn(`The standby task ${standby.id} begins again: ${(error as Error).message}`)
        await delay(cluster.clock, backoffMs(cluster.backoff, attempt))
      }
    }
  }

  async #places(standby: Standby): Promise<ChangelogPlace[]> {
    const { cluster, logger, engine } = this.#options
    const { subTopology, partition, id } = standby
    for (;;) {
      const inputOffsets = await this.#committed(standby)
      try {
        const { stores } = standby
        return await changelogPlaces({
          cluster,
          stores,
          definitions: subTopology.stores,
          partition,
          inputOffsets,
        })
      } catch (error) {
        if (!(error instanceof StaleStateError) || standby.abort.signal.aborted) throw error
        logger.warn(`The state of standby task ${id} is dropped and read from the start: ${error.message}.`)
        await standby.stores.close()
        await engine.dropTask(id)
        standby.stores = openTaskStores(subTopology, partition, this.#options)
      }
    }
  }

  /** What the group has committed of the source topics that are changelogs of the task; learns what it passed over. */
  async #committed(standby: Standby): Promise<Map<string, number>> {
    const { subTopology, partition } = standby
    const topics = restoredSources(subTopology)
    if (topics.size === 0) return new Map()
    const { cluster, groupId } = this.#options
    const offsets = await inputOffsetsOf(cluster, groupId, [...topics], partition)
    // Noted in the transaction that committed the offset: read after it, the notes below it are complete.
    standby.skipped = await readSkipped(cluster, groupId, { topics, partition })
    return new Map(Array.from(offsets, ([topic, { offset }]) => [topic, offset]))
  }

  #read(standby: Standby, places: readonly ChangelogPlace[]): void {
    const { partition } = standby
    this.#fetcher ??= new Fetcher(this.#options.cluster, {
      offsetReset: 'fail',
      partitionMaxBytes: PARTITION_BYTES,
    })
    standby.readers = places.map(place => {
      const limit = place.isSource ? place.end : Number.POSITIVE_INFINITY
      return { standby, place, limit, reached: place.from }
    })
    for (const reader of standby.readers) {
      const { topic, from, isSource } = reader.place
      this.#readers.set(keyOf({ topic, partition }), reader)
      this.#fetcher.assign([{ topic, partition, offset: from }])
      if (from >= reader.limit) this.#fetcher.pause(topic, partition)
      if (isSource) this.#raiseLimitsLater()
    }
    this.#loop ??= this.#run(this.#fetcher).catch((error: unknown) => this.#options.onFailure(error as Error))
  }

  #lagOf({ readers, partition }: Standby): number | undefined {
    if (readers === undefined) return undefined
    let lag = 0
    for (const { reached, limit, place } of readers) {
      const { lastStableOffset = -1 } = this.#fetcher?.progress(place.topic, partition) ?? {}
      const end = lastStableOffset < 0 ? place.end : lastStableOffset
      lag += Math.max(0, Math.min(end, limit) - reached)
    }
    return lag
  }

  async #run(fetcher: Fetcher): Promise<void> {
    const { cluster, logger } = this.#options
    for (let failures = 0; !this.#isClosed; ) {
      let fetched: FetchedPartition[]
      try {
        fetched = await fetcher.poll({ maxWaitMs: POLL_MS })
        failures = 0
      } catch (error) {
        if (this.#isClosed) return
        if (this.#restart(error)) continue
        if (!isPassing(error)) throw error
        logger.warn(`Changelogs of standby tasks are asked for again: ${(error as Error).message}`)
        await delay(cluster.clock, backoffMs(cluster.backoff, failures++))
        continue
      }
      for (const part of fetched) {
        const reader = this.#readers.get(keyOf(part))
        // It may have been stopped while others were applied.
        if (reader !== undefined) this.#apply(fetcher, reader, part)
        // Active tasks want the thread between two batches.
        await new Promise(resolve => setImmediate(resolve))
      }
    }
  }

  #apply(fetcher: Fetcher, reader: Reader, part: FetchedPartition): void {
    const { place, limit, standby } = reader
    const { topic, partition } = part
    const records = recordsOf(part, limit, standby.skipped.get(topic))
    reader.reached = Math.min(part.nextOffset, limit)
    if (records.length > 0) {
      standby.stores.restore(place.store, records, changelogMark(place.store, place.topicId, reader.reached))
    }
    if (reader.reached === part.nextOffset) return
    fetcher.seek(topic, partition, reader.reached)
    fetcher.pause(topic, partition)
  }

  /** A changelog that was cut off or made again concerns its task alone; whether the error was one of these. */
  #restart(error: unknown): boolean {
    if (!(error instanceof KafkaError) || error.topic === undefined || error.partition === undefined) {
      return false
    }
    if (!isOutOfRange(error) && !isPassing(error) && !isTopicMissing(error)) return false
    const reader = this.#readers.get(keyOf({ topic: error.topic, partition: error.partition }))
    if (reader === undefined) return true
    const { standby } = reader
    this.#options.logger.warn(`The standby task ${standby.id} finds its place anew: ${error.message}`)
    this.#unassign(standby)
    standby.prepared = this.#prepare(standby)
    return true
  }

  #raiseLimitsLater(): void {
    this.#cancelLimits()
    this.#cancelLimits = this.#options.cluster.clock.schedule(LIMIT_INTERVAL_MS, () => {
      void this.#raiseLimits()
    })
  }

  async #raiseLimits(): Promise<void> {
    const { logger, onFailure } = this.#options
    for (const standby of this.#standbys.values()) {
      if (standby.readers?.some(({ place }) => place.isSource) !== true) continue
      try {
        const committed = await this.#committed(standby)
        for (const reader of standby.readers ?? []) this.#raiseLimit(reader, committed)
      } catch (error) {
        if (this.#isClosed) return
        if (!isPassing(error)) return onFailure(error as Error)
        logger.warn(`Standby task ${standby.id} waits for offsets: ${(error as Error).message}`)
      }
    }
    if (!this.#isClosed) this.#raiseLimitsLater()
  }

  #raiseLimit(reader: Reader, committed: ReadonlyMap<string, number>): void {
    const { topic, isSource } = reader.place
    const limit = committed.get(topic) ?? 0
    if (!isSource || limit <= reader.limit) return
    reader.limit = limit
    this.#fetcher?.resume(topic, reader.standby.partition)
  }
}

interface Standby {
  readonly id: string
  readonly subTopology: SubTopology
  readonly partition: number
  stores: TaskStores
  /** Offsets of its source topics that were passed over. */
  skipped: ReadonlyMap<string, ReadonlySet<number>>
  /** Undefined until the places of its changelogs are known. */
  readers: Reader[] | undefined
  readonly abort: AbortController
  prepared: Promise<void>
}

interface Reader {
  readonly standby: Standby
  readonly place: ChangelogPlace
  /** Nothing from here on is applied yet. */
  limit: number
  reached: number
}

function keyOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${partition}/${topic}`
}
