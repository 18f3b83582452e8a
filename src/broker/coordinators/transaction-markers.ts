import { assert } from '../../internal/assert.ts'
import type { LogStorage, PartitionLog } from '../storage/log-storage.ts'
import type { Transaction } from './transaction-state.ts'

/**
 * Writes the marker of a decided transaction to each of its partitions; where nothing of it is open, it is there
 * already, or never was needed. Durable when it resolves.
 */
export async function writeMarkers(
  storage: LogStorage,
  { state, partitions, decision }: Transaction,
  timestampMs: number,
): Promise<void> {
  assert(state === 'commit' || state === 'abort', `markers are for ended transactions, not ${state}`)
  const { producerId, markerEpoch, recordEpoch } = decision
  const appends = []
  for (const [topicName, indexes] of partitions) {
    // A topic may have been deleted meanwhile.
    const topic = storage.topic(topicName)
    for (const index of indexes) {
      const log = topic?.partitions[index]
      const open = log?.openTransaction(producerId)
      if (log === undefined || open === undefined || open.epoch > recordEpoch) continue
      appends.push(log.appendMarker({ producerId, producerEpoch: markerEpoch, type: state, timestampMs }))
    }
  }
  for (const { code, message, fault } of await Promise.all(appends)) {
    if (fault !== undefined) throw fault
    assert(code === 0, `a marker was refused with error ${code} ${message ?? ''}`)
  }
}

/** The partitions in which one of the producers has a transaction open. */
export function openPartitions(storage: LogStorage, producerIds: readonly number[]): PartitionLog[] {
  return storage
    .topics()
    .flatMap(topic => topic.partitions)
    .filter(log => producerIds.some(id => log.openTransaction(id) !== undefined))
}
