import type { Segment } from './segment.ts'
import type { TopicSettings } from './topic-settings.ts'

/**
 * How many of the oldest segments retention lets go: by age of their latest record, and by what the log holds beyond
 * retention.bytes. Only whole segments, and none that reaches above `keepFrom`. All of them only by age.
 */
export async function segmentsToDelete(
  segments: readonly Segment[],
  settings: TopicSettings,
  { nowMs, keepFrom }: { nowMs: number; keepFrom: number },
): Promise<number> {
  const { retentionMs, retentionBytes } = settings
  let excessBytes =
    retentionBytes < 0 ? 0 : segments.reduce((sum, segment) => sum + segment.sizeBytes, 0) - retentionBytes
  let count = 0
  for (const segment of segments) {
    if (segment.sizeBytes === 0 || segment.endOffset > keepFrom) break
    const isLast = segment === segments.at(-1)
    const isExcess = !isLast && excessBytes >= segment.sizeBytes
    if (!isExcess && !(retentionMs >= 0 && nowMs - (await segment.index()).maxTimestamp > retentionMs)) break
    excessBytes -= segment.sizeBytes
    count++
  }
  return count
}
