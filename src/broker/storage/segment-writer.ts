import { fileKinds, writeChecked } from './checked-file.ts'
import type { Disk } from './disk.ts'
import { encodeSnapshot } from './producer-snapshot.ts'
import type { ProducerStates } from './producer-state.ts'
import { fileNameOf, type Segment } from './segment.ts'
import type { TailPages } from './tail-pages.ts'

/** Where a partition's files are. */
export interface Place {
  readonly disk: Disk
  readonly directory: string
}

/**
 * Writes everything appended so far, and syncs it if asked to; what is appended meanwhile is left for the next time.
 * All segments but the last of those given are sealed: each of them is whole and synced before the next is begun.
 */
export async function writeSegments(
  place: Place,
  pages: TailPages,
  work: {
    readonly segments: readonly Segment[]
    readonly isSynced: boolean
    sealed(segment: Segment): void
  },
): Promise<void> {
  const { segments, isSynced } = work
  const sizes = segments.map(segment => segment.sizeBytes)
  for (const [at, segment] of segments.entries()) {
    const isSealed = at < segments.length - 1
    await writeSegment(place, pages, { segment, sizeBytes: sizes[at]! })
    if (isSealed || isSynced) await (await segment.file()).sync()
    if (!isSealed) break
    if (!place.disk.volatile) await segment.writeIndex({ sync: false })
    segment.finished = true
    work.sealed(segment)
  }
}

/**
 * Writes what the pages hold of a segment up to a size, in one call. Before its first byte the producers' snapshot and
 * the name of the file are made durable.
 */
async function writeSegment(
  { disk, directory }: Place,
  pages: TailPages,
  { segment, sizeBytes }: { segment: Segment; sizeBytes: number },
): Promise<void> {
  const { writtenBytes, tailShift, snapshot } = segment
  if (!segment.begun && snapshot !== undefined && !disk.volatile)
    await writeSnapshot({ disk, directory }, segment.baseOffset, snapshot)
  segment.snapshot = undefined
  const file = await segment.file()
  if (!segment.begun) await disk.syncDirectory(directory)
  segment.begun = true
  if (sizeBytes === writtenBytes) return
  await file.write(pages.slices(writtenBytes + tailShift, sizeBytes + tailShift), writtenBytes)
  segment.writtenBytes = sizeBytes
}

/** Leaves all that the next open needs to take the last segment as it is, without a scan. */
export async function writeShutdownState(
  place: Place,
  last: Segment,
  producers: ProducerStates,
): Promise<void> {
  const { baseOffset, endOffset, sizeBytes } = last
  // A log that was never written has no files, and needs none.
  if (endOffset === 0) return
  await (await last.file()).sync()
  await place.disk.syncDirectory(place.directory)
  await last.writeIndex({ sync: true })
  const snapshot = encodeSnapshot(producers, { endOffset, shutdown: { baseOffset, sizeBytes } })
  await writeSnapshot(place, endOffset, snapshot)
}

async function writeSnapshot({ disk, directory }: Place, offset: number, payload: Buffer): Promise<void> {
  const path = `${directory}/${fileNameOf(offset, 'producers')}`
  await writeChecked(disk, path, { kind: fileKinds.producers, payload, sync: true })
}
