import { controlTypeOf } from '../records/control-batch.ts'
import { batchesIn, type RecordBatch } from '../records/record-batch.ts'

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface SelectedBatches {
  readonly batches: RecordBatch[]
  /** Where the next fetch goes on: beyond everything that was seen, delivered or not. */
  readonly nextOffset: number
}

/**
 * What a reader at `fetchOffset` gets to see of fetched bytes: data batches, without control batches, without those
 * that end before the offset and, when `aborted` is given, without those of aborted transactions.
 *
 * The rule for aborted transactions is that of Java's CompletedFetch: going through the batches in order, a
 * transaction becomes aborted-in-progress at its first offset, and ends at the abort marker of its producer; while it
 * is in progress, the producer's transactional batches are dropped. So one producer may have several aborted
 * transactions in one answer, with committed ones between them, and a transaction whose marker lies beyond the
 * fetched bytes is dropped up to their end. Throws MALFORMED_BYTES, and CORRUPT_RECORD when `isVerified`.
 */
export function selectBatches(
  records: Buffer | null,
  fetchOffset: number,
  aborted: readonly AbortedTransaction[] | undefined,
  isVerified: boolean,
): SelectedBatches {
  const batches: RecordBatch[] = []
  let nextOffset = fetchOffset
  if (records === null) return { batches, nextOffset }
  const begins = aborted?.toSorted((a, b) => a.firstOffset - b.firstOffset) ?? []
  const inProgress = new Set<number>()
  let begun = 0
  for (const batch of batchesIn(records)) {
    if (isVerified) batch.verify()
    const { lastOffset, producerId } = batch
    for (; begun < begins.length; begun++) {
      const begin = begins[begun] as AbortedTransaction
      if (begin.firstOffset > lastOffset) break
      inProgress.add(begin.producerId)
    }
    if (batch.isControl) {
      if (inProgress.has(producerId) && controlTypeOf(batch) === 'abort') inProgress.delete(producerId)
    } else if (lastOffset >= fetchOffset && batch.count > 0) {
      if (!(batch.isTransactional && inProgress.has(producerId))) batches.push(batch)
    }
    if (lastOffset >= nextOffset) nextOffset = lastOffset + 1
  }
  return { batches, nextOffset }
}
