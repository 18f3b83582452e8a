import { fileKinds, writeChecked } from './checked-file.ts'
import type { Disk } from './disk.ts'
import { encodeSnapshot } from './producer-snapshot.ts'
import type { ProducerStates } from './producer-state.ts'
import { fileNameOf, type Segment } from './segment.ts'
import type { TailPages } from './tail-pages.ts'

/** Zeroes that are written ahead at a time: as many as the segment has bytes already, within these bounds. */
const LEAST_AHEAD_BYTES = 64 * 1024
const MOST_AHEAD_BYTES = 1024 * 1024
/** Commits of more than this extend the file by themselves: the file system has little to note for so many bytes. */
const LARGE_COMMIT_BYTES = 64 * 1024
const ZEROES = Buffer.alloc(MOST_AHEAD_BYTES)

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
    /** Up to what size the last segment is filled with zeroes ahead of appends. */
    readonly aheadBytes: number
    sealed(segment: Segment): void
  },
): Promise<void> {
  const { segments, isSynced, aheadBytes } = work
  const sizes = segments.map(segment => segment.sizeBytes)
  for (const [at, segment] of segments.entries()) {
    const isSealed = at < segments.length - 1
    await writeSegment(place, pages, {
      segment,
      sizeBytes: sizes[at]!,
      aheadBytes: isSealed ? 0 : aheadBytes,
    })
    if (!isSealed) {
      if (isSynced) await (await segment.file()).sync()
      break
    }
    await segment.trimAndSync()
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
  { segment, sizeBytes, aheadBytes }: { segment: Segment; sizeBytes: number; aheadBytes: number },
): Promise<void> {
  const { writtenBytes, tailShift, snapshot } = segment
  if (!segment.begun && snapshot !== undefined && !disk.volatile)
    await writeSnapshot({ disk, directory }, segment.baseOffset, snapshot)
  segment.snapshot = undefined
  const file = await segment.file()
  if (!segment.begun) await disk.syncDirectory(directory)
  segment.begun = true
  if (sizeBytes === writtenBytes) return
  const buffers = pages.slices(writtenBytes + tailShift, sizeBytes + tailShift)
  const zeroes = zeroesBehind(segment, { sizeBytes, aheadBytes })
  if (zeroes.length > 0) buffers.push(zeroes)
  await file.write(buffers, writtenBytes)
  segment.writtenBytes = sizeBytes
  segment.allocatedBytes = Math.max(segment.allocatedBytes, sizeBytes + zeroes.length)
}

/**
 * What is written behind the bytes of a commit when it leaves the zeroes that are there. A sync that finds the file
 * neither longer nor in new blocks needs no journal of the file system: that is most of the cost of a small append.
 */
function zeroesBehind(
  { writtenBytes, allocatedBytes }: Segment,
  { sizeBytes, aheadBytes }: { sizeBytes: number; aheadBytes: number },
): Buffer {
  if (sizeBytes <= allocatedBytes || sizeBytes - writtenBytes > LARGE_COMMIT_BYTES)
    return ZEROES.subarray(0, 0)
  const wanted = Math.min(MOST_AHEAD_BYTES, Math.max(LEAST_AHEAD_BYTES, sizeBytes))
  return ZEROES.subarray(0, Math.max(0, Math.min(wanted, aheadBytes - sizeBytes)))
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
  await last.trimAndSync()
  await place.disk.syncDirectory(place.directory)
  await last.writeIndex({ sync: true })
  const snapshot = encodeSnapshot(producers, { endOffset, shutdown: { baseOffset, sizeBytes } })
  await writeSnapshot(place, endOffset, snapshot)
}

async function writeSnapshot({ disk, directory }: Place, offset: number, payload: Buffer): Promise<void> {
  const path = `${directory}/${fileNameOf(offset, 'producers')}`
  await writeChecked(disk, path, { kind: fileKinds.producers, payload, sync: true })
}
