import { RecordBatch } from '../../records/record-batch.ts'
import { lastOffsetAt, sizeAt } from './batch-walk.ts'
import type { Segment } from './segment.ts'
import { readSegment } from './segment-reader.ts'
import type { TailPages } from './tail-pages.ts'

const READ_BYTES = 256 * 1024

export interface TimestampedOffset {
  readonly offset: number
  readonly timestampMs: number
}

interface Range {
  readonly from: number
  readonly end: number
}

/** The first record in the range whose timestamp is at or after the one given. */
export async function offsetForTimestamp(
  segments: readonly Segment[],
  pages: TailPages,
  { timestampMs, ...range }: Range & { timestampMs: number },
): Promise<TimestampedOffset | undefined> {
  for (const segment of segments) {
    if (segment.endOffset <= range.from) continue
    const index = await segment.index()
    if (index.maxTimestamp < timestampMs) continue
    const from = Math.max(range.from, index.beforeTimestamp(timestampMs).offset)
    const found = await firstRecord(segment, pages, { ...range, from, timestampMs })
    if (found !== undefined) return found
  }
  return undefined
}

/** The first record in the range that has the greatest timestamp of it. */
export async function recordOfMaxTimestamp(
  segments: readonly Segment[],
  pages: TailPages,
  range: Range,
): Promise<TimestampedOffset | undefined> {
  let best: { segment: Segment; timestampMs: number } | undefined
  for (const segment of segments) {
    if (segment.endOffset <= range.from || segment.sizeBytes === 0) continue
    const { maxTimestamp } = await segment.index()
    if (best === undefined || maxTimestamp > best.timestampMs) best = { segment, timestampMs: maxTimestamp }
  }
  if (best === undefined) return undefined
  const found = await firstRecord(best.segment, pages, { ...range, timestampMs: best.timestampMs })
  if (found !== undefined) return found
  // The greatest timestamp of the segment lies outside of the range: look at what is inside.
  return await greatestIn(segments, pages, range)
}

async function firstRecord(
  segment: Segment,
  pages: TailPages,
  { from, end, timestampMs }: Range & { timestampMs: number },
): Promise<TimestampedOffset | undefined> {
  for await (const batch of batchesFrom(segment, pages, { from, end })) {
    if (batch.maxTimestamp < timestampMs) continue
    const records = batch.records()
    for (let at = 0; at < records.count; at++)
      if (records.timestamp(at) >= timestampMs && records.offset(at) >= from)
        return { offset: records.offset(at), timestampMs: records.timestamp(at) }
  }
  return undefined
}

async function greatestIn(
  segments: readonly Segment[],
  pages: TailPages,
  range: Range,
): Promise<TimestampedOffset | undefined> {
  let best: TimestampedOffset | undefined
  for (const segment of segments)
    for await (const batch of batchesFrom(segment, pages, range)) {
      if (best !== undefined && batch.maxTimestamp <= best.timestampMs) continue
      const records = batch.records()
      for (let at = 0; at < records.count; at++) {
        const timestampMs = records.timestamp(at)
        if (records.offset(at) >= range.from && (best === undefined || timestampMs > best.timestampMs))
          best = { offset: records.offset(at), timestampMs }
      }
    }
  return best
}

async function* batchesFrom(segment: Segment, pages: TailPages, range: Range): AsyncIterable<RecordBatch> {
  let offset = Math.max(range.from, segment.baseOffset)
  while (offset < Math.min(range.end, segment.endOffset)) {
    const bytes = await readSegment(segment, pages, { offset, maxBytes: READ_BYTES, end: range.end })
    if (bytes.length === 0) return
    for (let at = 0; at < bytes.length; at += sizeAt(bytes, at)) {
      yield RecordBatch.at(bytes, at)
      offset = lastOffsetAt(bytes, at) + 1
    }
  }
}
