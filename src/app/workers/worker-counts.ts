import type { DroppedRecords, OutOfOrderRecords } from '../../streams/runtime/record-counts.ts'
import type { WorkerCounts } from './messages.ts'

/** The counts of several workers as those of one instance: a task may have run in more than one. */
export function sumCounts(all: readonly WorkerCounts[]): {
  dropped: DroppedRecords[]
  outOfOrder: OutOfOrderRecords[]
} {
  return {
    dropped: summed(all.flatMap(({ dropped }) => dropped)),
    outOfOrder: summed(all.flatMap(({ outOfOrder }) => outOfOrder)),
  }
}

function summed<Counted extends { readonly count: number }>(entries: readonly Counted[]): Counted[] {
  const byName = new Map<string, Counted>()
  for (const entry of entries) {
    const { count, ...name } = entry
    // Made by the same code everywhere, so its fields are in the same order.
    const key = JSON.stringify(name)
    byName.set(key, { ...entry, count: (byName.get(key)?.count ?? 0) + count })
  }
  return [...byName.values()]
}
