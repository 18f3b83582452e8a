import { controlBatch } from '../../records/control-batch.ts'
import { stampOffsets } from '../../records/record-batch.ts'
import type { TransactionMarker } from './log-storage.ts'
import type { Segment } from './segment.ts'
import type { TailPages } from './tail-pages.ts'

/** The embedded log has one leader for ever. */
const LEADER_EPOCH = 0
const COORDINATOR_EPOCH = 0
/** Offsets in an index are counted from the segment's base in 32 bits. */
const MAX_SEGMENT_OFFSETS = 2 ** 31

/** What placing a batch needs to know of it; a RecordBatch is one. */
export interface PlainBatch {
  readonly bytes: Buffer
  readonly sizeBytes: number
  readonly count: number
  readonly maxTimestamp: number
}

export function markerBatch(marker: TransactionMarker): PlainBatch {
  const bytes = controlBatch({ ...marker, coordinatorEpoch: COORDINATOR_EPOCH })
  return { bytes, sizeBytes: bytes.length, count: 1, maxTimestamp: marker.timestampMs }
}

/** Whether the segment is to be sealed before the batch; one batch alone may be larger than a segment. */
export function isFullFor({ sizeBytes, count }: PlainBatch, segment: Segment, segmentBytes: number): boolean {
  return (
    segment.sizeBytes > 0 &&
    (segment.sizeBytes + sizeBytes > segmentBytes ||
      segment.endOffset + count - segment.baseOffset > MAX_SEGMENT_OFFSETS)
  )
}

/** Gives a batch its offsets at the end of the active segment, in memory. */
export function placeBatch(
  { bytes, sizeBytes, count, maxTimestamp }: PlainBatch,
  segment: Segment,
  pages: TailPages,
): void {
  const offset = segment.endOffset
  stampOffsets(pages.append(bytes), offset, LEADER_EPOCH)
  segment.loadedIndex!.add(offset, segment.sizeBytes, maxTimestamp)
  segment.sizeBytes += sizeBytes
  segment.endOffset = offset + count
}
