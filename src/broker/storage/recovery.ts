import { RecordBatch } from '../../records/record-batch.ts'
import { controlTypeOf } from '../../records/control-batch.ts'
import { EvertError } from '../../errors.ts'
import { scanBatches } from './batch-walk.ts'
import { fileKinds, readChecked } from './checked-file.ts'
import type { Disk, DiskEntry } from './disk.ts'
import type { PartitionStart } from './partition-surroundings.ts'
import { decodeSnapshot } from './producer-snapshot.ts'
import { ProducerStates } from './producer-state.ts'
import { addToIndex, damaged, fileNameOf, offsetOf, Segment } from './segment.ts'
import { type IndexEntry, SparseIndex } from './sparse-index.ts'

export interface RecoveryInput {
  readonly directory: string
  /** From the journal: segments wholly below it are leftovers. */
  readonly logStartOffset: number
  /** Offsets below are known to have been synced: damage there is no torn tail. */
  readonly recoveryPoint: number
  /** Whether the storage was closed in order. */
  readonly wasClosed: boolean
  readonly nowMs: number
}

/**
 * Opens one partition.
 *
 * Algorithm: the sealed segments are taken as they are. After an orderly close the last one is too, with the producers
 * as they were then. Otherwise its batches are checked one after the other, and the file is cut at the first bad one;
 * on the way its index and the producers are rebuilt, these from the snapshot taken when the segment began (or, when
 * that is lost, from an older one and the segments since).
 *
 * Why it is correct: a segment is begun only after the one before was synced, so a torn tail can only be in the last;
 * and it lies above the recovery point, which moves only after a sync.
 */
export async function openPartition(disk: Disk, input: RecoveryInput): Promise<PartitionStart> {
  const { directory, recoveryPoint } = input
  const entries = await withoutLeftovers(disk, directory, await disk.list(directory), input.logStartOffset)
  const segments = segmentsOf(disk, directory, entries)
  if (segments.length === 0) {
    if (recoveryPoint > input.logStartOffset) throw missing(directory, recoveryPoint)
    return emptyStart(disk, directory, input.logStartOffset)
  }
  const first = segments[0]!.baseOffset
  if (first > input.logStartOffset) throw missing(directory, first)
  const last = segments.at(-1)!
  const opened = input.wasClosed ? await asClosed(disk, input, { entries, last }) : undefined
  const { segment, producers } = opened ?? (await scanned(disk, input, { entries, segments }))
  await removeShutdownSnapshots(disk, directory, entries, last.baseOffset)
  segments[segments.length - 1] = segment
  if (segment.endOffset < recoveryPoint) throw missing(directory, recoveryPoint)
  // Without waiting for the disk (evert.durability=os) a start offset may be more durable than the records below.
  if (segment.endOffset < input.logStartOffset) {
    for (const passed of segments) await passed.remove()
    return emptyStart(disk, directory, input.logStartOffset)
  }
  return { segments, producers, logStartOffset: input.logStartOffset }
}

interface Opened {
  readonly segment: Segment
  readonly producers: ProducerStates
}

function emptyStart(disk: Disk, directory: string, baseOffset: number): PartitionStart {
  const index = new SparseIndex(baseOffset)
  const segment = new Segment(disk, directory, { baseOffset, endOffset: baseOffset, sizeBytes: 0, index })
  return { segments: [segment], producers: new ProducerStates(), logStartOffset: baseOffset }
}

/** Removes half-written files, and what a deletion had not got to when the process ended. */
async function withoutLeftovers(
  disk: Disk,
  directory: string,
  entries: readonly DiskEntry[],
  logStartOffset: number,
): Promise<DiskEntry[]> {
  const bases = offsetsIn(entries, 'log')
  const firstKept = bases.findLast(base => base <= logStartOffset) ?? 0
  // What is kept may have been seen but not yet be durable, after a kill; what is removed must not go before.
  if (bases[0] !== undefined && bases[0] < firstKept) await disk.syncDirectory(directory)
  const kept: DiskEntry[] = []
  for (const entry of entries) {
    const offset =
      offsetOf(entry.name, 'log') ?? offsetOf(entry.name, 'index') ?? offsetOf(entry.name, 'producers')
    const isLeftover = offset === undefined ? entry.name.endsWith('.tmp') : offset < firstKept
    if (isLeftover) await disk.remove(`${directory}/${entry.name}`)
    else kept.push(entry)
  }
  return kept
}

function segmentsOf(disk: Disk, directory: string, entries: readonly DiskEntry[]): Segment[] {
  const sizes = new Map(entries.map(entry => [entry.name, entry.sizeBytes]))
  const bases = offsetsIn(entries, 'log')
  return bases.map((baseOffset, at) => {
    const sizeBytes = sizes.get(fileNameOf(baseOffset, 'log'))!
    return new Segment(disk, directory, {
      baseOffset,
      endOffset: bases[at + 1] ?? baseOffset,
      sizeBytes,
      begun: true,
    })
  })
}

/** The last segment as the orderly close left it; undefined when it does not look like that. */
async function asClosed(
  disk: Disk,
  { directory }: RecoveryInput,
  { entries, last }: { entries: readonly DiskEntry[]; last: Segment },
): Promise<Opened | undefined> {
  const endOffset = offsetsIn(entries, 'producers').at(-1)
  if (endOffset === undefined) return undefined
  const snapshot = await snapshotAt(disk, directory, endOffset)
  const shutdown = snapshot?.shutdown
  if (snapshot === undefined || shutdown === undefined) return undefined
  const { baseOffset, sizeBytes } = last
  if (shutdown.baseOffset !== baseOffset || shutdown.sizeBytes !== sizeBytes) return undefined
  const payload = await readChecked(disk, `${directory}/${fileNameOf(baseOffset, 'index')}`, fileKinds.index)
  const index =
    payload === undefined ? undefined : SparseIndex.decode(payload, { baseOffset, endOffset, sizeBytes })
  if (index === undefined) return undefined
  const segment = new Segment(disk, directory, { baseOffset, endOffset, sizeBytes, begun: true, index })
  return { segment, producers: snapshot.producers }
}

async function scanned(
  disk: Disk,
  { directory, recoveryPoint, nowMs }: RecoveryInput,
  { entries, segments }: { entries: readonly DiskEntry[]; segments: readonly Segment[] },
): Promise<Opened> {
  const last = segments.at(-1)!
  const from = await latestSnapshot(disk, directory, offsetsIn(entries, 'producers'), last.baseOffset)
  for (const sealed of segments.slice(0, -1)) {
    if (sealed.endOffset <= from.endOffset) continue
    const start = { offset: sealed.baseOffset, position: 0 }
    const end = await replay(sealed, from, start, nowMs)
    if (end.fault !== undefined) throw damaged(sealed.path, end.position, end.fault)
    if (end.offset !== sealed.endOffset) throw damaged(sealed.path, end.position, 'later batches are missing')
  }
  const index = new SparseIndex(last.baseOffset)
  const end = await replay(last, from, { offset: last.baseOffset, position: 0 }, nowMs, index)
  const file = await last.file()
  if (end.fault !== undefined) {
    if (end.offset < recoveryPoint) throw damaged(last.path, end.position, end.fault)
    await file.truncate(end.position)
  }
  // What a killed process wrote but did not sync is seen by readers from now on, so it must last from now on.
  await file.sync()
  await disk.syncDirectory(directory)
  await last.close()
  const { baseOffset } = last
  const segment = new Segment(disk, directory, {
    baseOffset,
    endOffset: end.offset,
    sizeBytes: end.position,
    begun: true,
    index,
  })
  return { segment, producers: from.producers }
}

interface ReplayFrom {
  readonly endOffset: number
  readonly producers: ProducerStates
}

/** Shows the batches of a segment to the producers (those that the snapshot does not cover) and to an index. */
async function replay(
  segment: Segment,
  { endOffset, producers }: ReplayFrom,
  start: IndexEntry,
  nowMs: number,
  index?: SparseIndex,
): Promise<IndexEntry & { fault: string | undefined }> {
  return await scanBatches(await segment.file(), start, (buffer, at, position) => {
    if (index !== undefined) addToIndex(index, buffer, at, position)
    const batch = RecordBatch.at(buffer, at)
    if (batch.producerId < 0 || batch.baseOffset < endOffset) return
    const type = controlTypeOf(batch)
    if (type === undefined) producers.appended(batch, batch.baseOffset, nowMs)
    else
      producers.ended(
        { producerId: batch.producerId, producerEpoch: batch.producerEpoch, type },
        batch.baseOffset,
        nowMs,
      )
  })
}

/** The latest readable snapshot at or below the offset, or none at all: nothing is known before the first batch. */
async function latestSnapshot(
  disk: Disk,
  directory: string,
  offsets: readonly number[],
  limit: number,
): Promise<ReplayFrom> {
  for (const offset of offsets.filter(offset => offset <= limit).toReversed()) {
    const snapshot = await snapshotAt(disk, directory, offset)
    if (snapshot !== undefined) return snapshot
  }
  return { endOffset: 0, producers: new ProducerStates() }
}

async function snapshotAt(disk: Disk, directory: string, offset: number) {
  const path = `${directory}/${fileNameOf(offset, 'producers')}`
  const payload = await readChecked(disk, path, fileKinds.producers)
  const snapshot = payload === undefined ? undefined : decodeSnapshot(payload)
  return snapshot?.endOffset === offset ? snapshot : undefined
}

/** A snapshot above the last segment's base speaks of a close, which later appends make untrue. */
async function removeShutdownSnapshots(
  disk: Disk,
  directory: string,
  entries: readonly DiskEntry[],
  lastBase: number,
): Promise<void> {
  for (const offset of offsetsIn(entries, 'producers'))
    if (offset > lastBase) await disk.remove(`${directory}/${fileNameOf(offset, 'producers')}`)
}

function offsetsIn(entries: readonly DiskEntry[], extension: 'log' | 'producers'): number[] {
  return entries
    .map(entry => offsetOf(entry.name, extension))
    .filter(offset => offset !== undefined)
    .toSorted((a, b) => a - b)
}

function missing(directory: string, recoveryPoint: number): EvertError {
  return new EvertError(
    'DAMAGED_DATA',
    `${directory} in the data directory lacks records that were synced, below offset ${recoveryPoint}: a segment file is missing or was cut. Restore it from a backup; or, to go on without these records, remove the file recovery-points.`,
  )
}
