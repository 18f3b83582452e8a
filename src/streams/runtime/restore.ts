import { committedOffsets, listOffsets } from '../../client/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import { type FetchedPartition, Fetcher } from '../../client/fetcher.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { StoreDefinition } from '../graph/topology.ts'
import { type CommittedTimes, readTimes, readWriter } from './committed-times.ts'
import type { RestoredRecord, TaskStores } from '../state/task-stores.ts'
import { resumeOffset, writeLogMark } from './log-mark.ts'
import { readSkipped } from './skipped-records.ts'

export interface RestoreOptions {
  readonly cluster: Cluster
  readonly stores: TaskStores
  readonly definitions: readonly StoreDefinition[]
  readonly partition: number
  /** Committed input offsets of the task, by topic: a store over a source topic is restored up to them. */
  readonly inputOffsets: ReadonlyMap<string, number>
  readonly applicationId: string
  readonly signal: AbortSignal
  readonly onProgress: (progress: RestoreProgress) => void
}

export interface RestoreProgress {
  readonly store: string
  /** Records applied since the restore began. */
  readonly records: number
  /** Offsets still to go. */
  readonly remaining: number
}

const none: ReadonlyMap<string, ReadonlySet<number>> = new Map()

/** A changelog, and where its store reads it on. */
export interface ChangelogPlace {
  readonly store: string
  readonly topic: string
  readonly topicId: string
  /** It is a source topic: only what the task has processed of it belongs into the store. */
  readonly isSource: boolean
  /** The first offset that the store does not have. */
  readonly from: number
  /** Where the log ends now, or for a source topic what is processed of it. */
  readonly end: number
}

/**
 * Brings the stores up to the end of their changelogs, from where their last commit left them.
 *
 * Algorithm: the end is the log's end, including open transactions, and records are read as committed: the reader
 * therefore waits until a transaction that is being completed (by an earlier owner of the task) is decided. Records go
 * to the engine as they are, without decoding, each batch in one commit with the offset behind it.
 *
 * Why it is correct: the task's owner is the only writer of its changelog partition; everything below the stored
 * offset is in the store, everything from there to the end is applied in order, so the store equals the changelog.
 * A topic that others write is applied without the records that the task passed over.
 *
 * Throws StaleStateError when a store is ahead of its changelog, belongs to another topic of the same name, or its
 * changelog was cut off behind it. Throws the signal's reason when it is aborted.
 */
export async function restoreStores(options: RestoreOptions): Promise<void> {
  const work = (await changelogPlaces(options)).filter(({ from, end }) => from < end)
  if (work.length === 0) return
  const { cluster, stores, partition, signal, onProgress, applicationId } = options
  const sources = new Set(work.flatMap(({ topic, isSource }) => (isSource ? [topic] : [])))
  const skipped =
    sources.size === 0 ? none : await readSkipped(cluster, applicationId, { topics: sources, partition })
  const left = new Map(work.map(each => [each.topic, { ...each, records: 0 }]))
  await using fetcher = new Fetcher(cluster, { offsetReset: 'fail', maxWaitMs: 100 })
  for (const { store, from, end } of work) onProgress({ store, records: 0, remaining: end - from })
  fetcher.assign(work.map(({ topic, from }) => ({ topic, partition, offset: from })))
  while (left.size > 0) {
    const fetched = await fetcher.poll({ maxWaitMs: 100 })
    signal.throwIfAborted()
    for (const part of fetched) {
      const each = left.get(part.topic)
      if (each === undefined) continue
      const records = recordsOf(part, each.end, skipped.get(part.topic))
      const reached = Math.min(part.nextOffset, each.end)
      stores.restore(each.store, records, changelogMark(each.store, each.topicId, reached))
      each.records += records.length
      onProgress({ store: each.store, records: each.records, remaining: each.end - reached })
      if (reached < each.end) continue
      left.delete(each.topic)
      fetcher.unassign([part])
      // Others may want the thread between two batches.
      await new Promise(resolve => setImmediate(resolve))
    }
  }
}

/** What a store's commit records about its changelog. */
export function changelogMark(store: string, topicId: string, nextOffset: number): Record<string, string> {
  return { [`changelog/${store}`]: writeLogMark(topicId, nextOffset) }
}

/** Where each store that has a changelog goes on. Throws StaleStateError. */
export async function changelogPlaces({
  cluster,
  stores,
  definitions,
  partition,
  inputOffsets,
}: Pick<RestoreOptions, 'cluster' | 'stores' | 'definitions' | 'partition' | 'inputOffsets'>): Promise<
  ChangelogPlace[]
> {
  const logged = definitions.flatMap(({ name, changelog }) =>
    changelog === undefined ? [] : [{ name, ...changelog }],
  )
  if (logged.length === 0) return []
  const places = logged.map(({ topic }) => ({ topic, partition }))
  const [starts, ends] = await Promise.all([
    listOffsets(
      cluster,
      places.map(place => ({ ...place, at: 'earliest' as const })),
    ),
    listOffsets(
      cluster,
      places.map(place => ({ ...place, at: 'latest' as const })),
      { isolation: 'read_uncommitted' },
    ),
  ])
  const found: ChangelogPlace[] = []
  for (const [index, { name, topic, isSource }] of logged.entries()) {
    const { topicId } = await cluster.metadata.require(topic)
    const start = starts[index]?.offset ?? 0
    const logEnd = ends[index]?.offset ?? 0
    const end = isSource ? (inputOffsets.get(topic) ?? 0) : logEnd
    const mark = stores.metadata(`changelog/${name}`)
    const from = resumeOffset(name, mark, { topic, topicId, start, end })
    found.push({ store: name, topic, topicId, isSource, from, end })
  }
  return found
}

/**
 * What is below `end` and was not passed over. A record without a key changes no store: a table's source processor
 * drops it too.
 */
export function recordsOf(
  { batches, firstOffset }: FetchedPartition,
  end: number,
  skipped: ReadonlySet<number> | undefined,
): RestoredRecord[] {
  const restored: RestoredRecord[] = []
  for (const batch of batches) {
    const columns = batch.records()
    for (let i = 0; i < columns.count; i++) {
      const offset = columns.offset(i)
      if (offset < firstOffset || offset >= end || skipped?.has(offset) === true) continue
      const key = columns.key(i)
      if (key === null) continue
      restored.push({ key: latin1Slice(key), value: columns.value(i), timestamp: columns.timestamp(i) })
    }
  }
  return restored
}

export interface InputOffset extends CommittedTimes {
  readonly offset: number
}

/** Committed offsets of a task's inputs, once no transaction is about to change them. */
export async function inputOffsetsOf(
  cluster: Cluster,
  groupId: string,
  topics: readonly string[],
  partition: number,
): Promise<Map<string, InputOffset>> {
  const places = topics.map(topic => ({ topic, partition }))
  const committed = await committedOffsets(cluster, { groupId }, places, { requireStable: true })
  return new Map(committed.map(({ topic, offset, metadata }) => [topic, { offset, ...readTimes(metadata) }]))
}

/** Who wrote the task last, by transactional id: also while a transaction that commits offsets is still open. */
export async function writersOf(
  cluster: Cluster,
  groupId: string,
  topics: readonly string[],
  partition: number,
): Promise<Set<string>> {
  const places = topics.map(topic => ({ topic, partition }))
  const committed = await committedOffsets(cluster, { groupId }, places, { requireStable: false })
  return new Set(committed.map(({ metadata }) => readWriter(metadata)).filter(writer => writer !== undefined))
}
