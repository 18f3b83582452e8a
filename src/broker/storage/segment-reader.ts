import { HEADER_BYTES } from '../../records/batch-layout.ts'
import { faultAt, isWholeAt, lastOffsetAt, sizeAt } from './batch-walk.ts'
import { damaged, type Segment } from './segment.ts'
import type { IndexEntry } from './sparse-index.ts'
import type { TailPages } from './tail-pages.ts'

const EMPTY = Buffer.alloc(0)
/** What an index lookup may lie before the batch that is looked for. */
const LOOKAHEAD_BYTES = 16 * 1024

export interface ReadRange {
  readonly offset: number
  readonly maxBytes: number
  readonly end: number
}

/**
 * Whole batches of one segment from the one that holds the offset on: at least one, unless it reaches `end`; more
 * while they fit into maxBytes. Bytes of the tail pages come as a slice; bytes of the file are verified, also those
 * that are only walked over. Throws DAMAGED_DATA.
 */
export async function readSegment(segment: Segment, pages: TailPages, range: ReadRange): Promise<Buffer> {
  const index = segment.loadedIndex ?? (await segment.index())
  let from = index.atOffset(range.offset)
  let wanted = range.maxBytes + LOOKAHEAD_BYTES
  while (from.position < segment.sizeBytes) {
    const tail = tailSlice(segment, pages, from.position)
    const buffer = tail ?? (await segment.read(from.position, wanted))
    if (tail === undefined) verify(segment, buffer, from, range)
    const skipped = skip(buffer, from, range.offset)
    const start = skipped.position - from.position
    const stop = take(buffer, start, range)
    if (stop > start) return buffer.subarray(start, stop)
    if (isWholeAt(buffer, start)) return EMPTY
    wanted = range.maxBytes + LOOKAHEAD_BYTES
    if (start === 0) wanted = Math.max(wanted, sizeOfCutBatch(segment, buffer, from))
    from = skipped
  }
  return EMPTY
}

function tailSlice(segment: Segment, pages: TailPages, position: number): Buffer | undefined {
  if (Number.isNaN(segment.tailShift)) return undefined
  return pages.slice(position + segment.tailShift, segment.sizeBytes + segment.tailShift)
}

/** Checks every whole batch that `skip` and `take` will look at; what lies behind does not harm this read. */
function verify(segment: Segment, buffer: Buffer, from: IndexEntry, range: ReadRange): void {
  let { offset } = from
  let start = -1
  for (let at = 0; offset < range.end && isWholeAt(buffer, at); at += sizeAt(buffer, at)) {
    if (start >= 0 && at + sizeAt(buffer, at) - start > range.maxBytes) return
    const fault = faultAt(buffer, at, offset)
    if (fault !== undefined) throw damaged(segment.path, from.position + at, fault)
    offset = lastOffsetAt(buffer, at) + 1
    if (start < 0 && offset > range.offset) start = at
  }
}

function skip(buffer: Buffer, from: IndexEntry, wantedOffset: number): IndexEntry {
  let { offset } = from
  let at = 0
  for (; isWholeAt(buffer, at); at += sizeAt(buffer, at)) {
    const last = lastOffsetAt(buffer, at)
    if (last >= wantedOffset) break
    offset = last + 1
  }
  return { offset, position: from.position + at }
}

/** Where the whole batches below the end stop that fit into maxBytes, the first of them whatever its size. */
function take(buffer: Buffer, start: number, { maxBytes, end }: ReadRange): number {
  let at = start
  while (isWholeAt(buffer, at)) {
    const next = at + sizeAt(buffer, at)
    if (at > start && next - start > maxBytes) break
    if (lastOffsetAt(buffer, at) >= end) break
    at = next
  }
  return at
}

/** Bytes of the batch that the buffer begins with but does not hold whole. */
function sizeOfCutBatch(segment: Segment, buffer: Buffer, from: IndexEntry): number {
  const size = buffer.length < HEADER_BYTES ? Infinity : sizeAt(buffer, 0)
  if (size > buffer.length && from.position + size <= segment.writtenBytes) return size
  throw damaged(segment.path, from.position, `no whole batch of offset ${from.offset} begins here`)
}
