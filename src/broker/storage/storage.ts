import { EvertError } from '../../errors.ts'
import { type Clock, systemClock } from '../../internal/clock.ts'
import { acquireLock, type DirectoryLock, directoryInUse } from '../../internal/directory-lock.ts'
import { readChecked, writeChecked, fileKinds } from './checked-file.ts'
import type { Disk } from './disk.ts'
import { FileDisk } from './file-disk.ts'
import { StoredJournal } from './journal.ts'
import type { JsonValue, LogStorage } from './log-storage.ts'
import { MemoryDisk } from './memory-disk.ts'
import { newId, readMeta, writeMeta } from './meta-file.ts'
import { StoredPartition } from './partition-log.ts'
import { openPartition } from './recovery.ts'
import { readRecoveryPoints, type RecoveryPoints, writeRecoveryPoints } from './recovery-points.ts'
import { PageBudget } from './tail-pages.ts'
import { directoryOf, StoredTopic } from './stored-topic.ts'

const CLEAN_MARK_PATH = 'clean'
const TOPICS_PATH = 'topics'
const TOPIC_PREFIX = 'topic/'
const LOG_START_PREFIX = 'logstart/'
const OPENED_AT_ONCE = 8

export interface StorageOptions {
  /** Time, for retention and expiry. Default: the machine's. */
  readonly clock?: Clock
  /** Bytes that all logs together keep in memory for readers at the tail. Default 64 MiB. */
  readonly tailCacheBytes?: number
  /** How often retention is looked at, ms. Default 5 minutes, as Kafka. */
  readonly retentionCheckMs?: number
  /** How often recovery points are noted, ms. Default 1 s. */
  readonly recoveryPointMs?: number
  /** Makes the ids of cluster and topics. Default: random. */
  readonly newId?: () => string
}

/** A log that lives as long as the process; appends are acknowledged at once. */
export async function openMemoryStorage(options: StorageOptions = {}): Promise<LogStorage> {
  // The disk of this storage keeps the very pages that readers at the tail use: a second copy would save nothing.
  return await openStorage(new MemoryDisk(), { tailCacheBytes: 0, ...options })
}

/**
 * The log of a data directory, made when missing. Throws DIRECTORY_IN_USE when another process (or another storage of
 * this one) owns the directory, unless its lock is handed in; NEWER_FORMAT, DAMAGED_DATA and DISK as they are named.
 */
export async function openFileStorage(
  directory: string,
  options: StorageOptions & { readonly lock?: DirectoryLock } = {},
): Promise<LogStorage> {
  if (options.lock !== undefined) return await openStorage(new FileDisk(directory), options)
  const taken = acquireLock(directory)
  if (!taken.acquired)
    throw directoryInUse(
      `The data directory ${directory}`,
      taken.owner,
      'Connect to that process, or end it first.',
    )
  try {
    return await openStorage(new FileDisk(directory), { ...options, onClosed: () => taken.lock.release() })
  } catch (error) {
    taken.lock.release()
    throw error
  }
}

/** The one implementation, on any disk. */
export async function openStorage(
  disk: Disk,
  options: StorageOptions & { readonly onClosed?: () => void } = {},
): Promise<LogStorage> {
  const meta = await readMeta(disk)
  const points = await readRecoveryPoints(disk)
  const journal = await StoredJournal.open(disk, {
    ...(points.journal === undefined ? {} : { synced: points.journal }),
    isNew: meta === undefined,
  })
  // The names that are seen are relied on from now on: after a kill they may not be durable yet.
  await disk.syncDirectory('')
  const clusterId = meta?.clusterId ?? (options.newId ?? newId)()
  if (meta === undefined) await writeMeta(disk, { clusterId })
  const storage = new Storage(disk, { journal, clusterId, options })
  await storage.load(points, await takeCleanMark(disk))
  return storage
}

/** Whether the storage was closed in order; the mark is gone, durably, before anything is written. */
async function takeCleanMark(disk: Disk): Promise<boolean> {
  const mark = await readChecked(disk, CLEAN_MARK_PATH, fileKinds.cleanMark)
  if (mark === undefined) return false
  await disk.remove(CLEAN_MARK_PATH)
  await disk.syncDirectory('')
  return true
}

interface TopicEntry {
  readonly name: string
  readonly partitions: number
  readonly configs: Readonly<Record<string, string>>
}

/** What is known of partitions before they are opened. */
interface KnownBefore {
  readonly points: RecoveryPoints
  readonly wasClosed: boolean
  readonly logStarts: ReadonlyMap<string, JsonValue>
}

const NOTHING_KNOWN: KnownBefore = { points: { partitions: {} }, wasClosed: false, logStarts: new Map() }

class Storage implements LogStorage {
  readonly clusterId: string
  readonly journal: StoredJournal
  readonly #disk: Disk
  readonly #clock: Clock
  readonly #budget: PageBudget
  readonly #options: StorageOptions & { readonly onClosed?: () => void }
  readonly #byName = new Map<string, StoredTopic>()
  readonly #byId = new Map<string, StoredTopic>()
  readonly #creating = new Set<string>()
  #isClosed = false
  #stopRetention: () => void = () => {}
  #stopPoints: (() => void) | undefined
  /** Work in the background that closing waits for. */
  #background: Promise<void> = Promise.resolve()

  constructor(
    disk: Disk,
    parts: {
      journal: StoredJournal
      clusterId: string
      options: StorageOptions & { readonly onClosed?: () => void }
    },
  ) {
    this.#disk = disk
    this.journal = parts.journal
    this.clusterId = parts.clusterId
    this.#options = parts.options
    this.#clock = parts.options.clock ?? systemClock
    this.#budget = new PageBudget(parts.options.tailCacheBytes ?? 64 * 1024 * 1024)
  }

  async load(points: RecoveryPoints, wasClosed: boolean): Promise<void> {
    for (const [key, value] of this.journal.entries(TOPIC_PREFIX)) {
      const entry = value as unknown as TopicEntry
      const topic = new StoredTopic(key.slice(TOPIC_PREFIX.length), entry.name, entry.configs)
      topic.partitionCount = entry.partitions
      this.#add(topic)
    }
    const logStarts = new Map(this.journal.entries(LOG_START_PREFIX))
    await this.#removeLeftovers()
    const todo = [...this.#byId.values()].flatMap(topic =>
      Array.from({ length: topic.partitionCount }, (_, partition) => ({ topic, partition })),
    )
    await Promise.all(
      Array.from({ length: OPENED_AT_ONCE }, async () => {
        for (let next = todo.shift(); next !== undefined; next = todo.shift())
          await this.#openPartition(next.topic, next.partition, { points, wasClosed, logStarts })
      }),
    )
    this.#scheduleRetention()
  }

  topics(): readonly StoredTopic[] {
    return [...this.#byName.values()]
  }

  topic(name: string): StoredTopic | undefined {
    return this.#byName.get(name)
  }

  topicById(id: string): StoredTopic | undefined {
    return this.#byId.get(id)
  }

  async createTopic(
    name: string,
    partitions: number,
    configs: Readonly<Record<string, string>>,
  ): Promise<StoredTopic> {
    if (this.#byName.has(name) || this.#creating.has(name))
      throw new EvertError('INVALID_ARGUMENT', `A topic named ${JSON.stringify(name)} exists already.`)
    this.#creating.add(name)
    try {
      const topic = new StoredTopic((this.#options.newId ?? newId)(), name, configs)
      topic.partitionCount = partitions
      await this.#saveTopic(topic)
      await this.#openNew(topic)
      this.#add(topic)
      return topic
    } finally {
      this.#creating.delete(name)
    }
  }

  async growTopic(name: string, partitions: number): Promise<StoredTopic> {
    const topic = this.#existing(name)
    topic.partitionCount = Math.max(topic.partitionCount, partitions)
    await this.#saveTopic(topic)
    await this.#openNew(topic)
    return topic
  }

  async configureTopic(name: string, configs: Readonly<Record<string, string>>): Promise<StoredTopic> {
    const topic = this.#existing(name)
    topic.configure(configs)
    await this.#saveTopic(topic)
    return topic
  }

  async deleteTopic(name: string): Promise<void> {
    const topic = this.#existing(name)
    this.#byName.delete(name)
    this.#byId.delete(topic.id)
    const starts = topic.partitions.map(log => [logStartKey(topic, log.partition), undefined] as const)
    await this.journal.put([[TOPIC_PREFIX + topic.id, undefined], ...starts])
    await Promise.all(topic.partitions.map(log => log.drop()))
    await this.#disk.remove(directoryOf(topic.id))
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#stopRetention()
    this.#stopPoints?.()
    await this.#background
    const logs = this.topics().flatMap(topic => topic.partitions)
    const ends = await Promise.allSettled(logs.map(log => log.close()))
    try {
      await this.journal.close()
      const failed = ends.find(end => end.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      const isWhole = logs.every(log => log.failure === undefined) && this.journal.failure?.code === 'CLOSED'
      if (isWhole && !this.#disk.volatile) await this.#markClean()
    } finally {
      // On a disk that failed too: nothing is written any more, and the directory may be opened again.
      this.#options.onClosed?.()
    }
  }

  async #markClean(): Promise<void> {
    await writeRecoveryPoints(this.#disk, this.#points(), { sync: true })
    const payload = Buffer.alloc(0)
    await writeChecked(this.#disk, CLEAN_MARK_PATH, { kind: fileKinds.cleanMark, payload, sync: true })
  }

  #add(topic: StoredTopic): void {
    this.#byName.set(topic.name, topic)
    this.#byId.set(topic.id, topic)
  }

  #existing(name: string): StoredTopic {
    const topic = this.#byName.get(name)
    if (topic === undefined)
      throw new EvertError('INVALID_ARGUMENT', `There is no topic named ${JSON.stringify(name)}.`)
    return topic
  }

  async #saveTopic(topic: StoredTopic): Promise<void> {
    const value = { name: topic.name, partitions: topic.partitionCount, configs: topic.configs }
    await this.journal.put([[TOPIC_PREFIX + topic.id, value]])
  }

  async #openNew(topic: StoredTopic): Promise<void> {
    for (let partition = topic.partitions.length; partition < topic.partitionCount; partition++)
      await this.#openPartition(topic, partition, NOTHING_KNOWN)
  }

  async #openPartition(
    topic: StoredTopic,
    partition: number,
    { points, wasClosed, logStarts }: KnownBefore,
  ): Promise<void> {
    const directory = directoryOf(topic.id, partition)
    const startKey = logStartKey(topic, partition)
    const start = await openPartition(this.#disk, {
      directory,
      logStartOffset: Number(logStarts.get(startKey) ?? 0),
      recoveryPoint: points.partitions[directory] ?? 0,
      wasClosed,
      nowMs: this.#clock.nowMs(),
    })
    const around = {
      disk: this.#disk,
      clock: this.#clock,
      budget: this.#budget,
      topicName: topic.name,
      partition,
      directory,
      settings: () => topic.settings,
      saveLogStart: (offset: number) => this.journal.put([[startKey, offset]]),
      synced: () => this.#notePointsSoon(),
    }
    topic.place(new StoredPartition(around, start))
  }

  /** Directories of topics that the journal no longer knows: their deletion was cut short. */
  async #removeLeftovers(): Promise<void> {
    const known = new Set([...this.#byId.keys()].map(id => directoryOf(id)))
    for (const { name } of await this.#disk.list(TOPICS_PATH)) {
      const directory = `${TOPICS_PATH}/${name}`
      if (!known.has(directory)) await this.#disk.remove(directory)
    }
  }

  #scheduleRetention(): void {
    this.#stopRetention = this.#clock.schedule(this.#options.retentionCheckMs ?? 5 * 60 * 1000, () => {
      this.#inBackground(async () => {
        for (const topic of this.topics()) for (const log of topic.partitions) await log.applyRetention()
      })
      this.#scheduleRetention()
    })
  }

  #notePointsSoon(): void {
    if (this.#disk.volatile || this.#isClosed || this.#stopPoints !== undefined) return
    this.#stopPoints = this.#clock.schedule(this.#options.recoveryPointMs ?? 1000, () => {
      this.#stopPoints = undefined
      this.#inBackground(() => writeRecoveryPoints(this.#disk, this.#points(), { sync: false }))
    })
  }

  #points(): RecoveryPoints {
    const partitions: Record<string, number> = {}
    for (const topic of this.#byId.values())
      for (const log of topic.partitions) partitions[directoryOf(topic.id, log.partition)] = log.recoveryPoint
    return { journal: this.journal.point, partitions }
  }

  /** Neither retention nor recovery points are promised to anyone: a failure only means that they come later. */
  #inBackground(work: () => Promise<void>): void {
    this.#background = this.#background.then(work).catch((error: unknown) => {
      process.emitWarning(error instanceof Error ? error : String(error))
    })
  }
}

function logStartKey(topic: StoredTopic, partition: number): string {
  return `${LOG_START_PREFIX}${topic.id}/${partition}`
}
