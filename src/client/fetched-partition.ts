import type { RecordBatch } from '../records/record-batch.ts'

/** What a poll gives of one partition. */
export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  /** Records below this offset were not asked for: the first batch may begin earlier; skip them. */
  readonly firstOffset: number
  /** Data batches in order of offset; aborted and control batches are left out. Views of the fetched bytes. May be empty. */
  readonly batches: readonly RecordBatch[]
  /** The position after this answer, also beyond what was left out. */
  readonly nextOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
}

/** Answers that follow each other, as one. */
export function mergeFetched(answers: readonly FetchedPartition[]): FetchedPartition {
  const first = answers[0] as FetchedPartition
  if (answers.length === 1) return first
  const last = answers.at(-1) as FetchedPartition
  return { ...last, firstOffset: first.firstOffset, batches: answers.flatMap(({ batches }) => batches) }
}
