import { EvertError } from '../../errors.ts'
import type { StreamRecord } from './stream-record.ts'

/**
 * Chooses where a record is written: one partition, several (a copy to each), none (an empty list: it is dropped), or
 * undefined: as without it, by the key (Kafka Streams: StreamPartitioner, KIP-873).
 */
export type Partitioner<K, V> = (
  value: V,
  key: K,
  numPartitions: number,
) => number | readonly number[] | undefined

/** Calls the user's function and checks its answer, which is a partition, several, or undefined. */
export function partitionsFor(
  partition: Partitioner<unknown, unknown>,
  { key, value }: StreamRecord,
  count: number,
): readonly number[] | undefined {
  const answer = partition(value?.value ?? null, key?.value ?? null, count)
  if (answer === undefined) return undefined
  const partitions = typeof answer === 'number' ? [answer] : answer
  for (const each of partitions) {
    if (Number.isInteger(each) && each >= 0 && each < count) continue
    throw new EvertError(
      'INVALID_VALUE',
      `The partitioner chose the partition ${String(each)}: the topic has the partitions 0 to ${count - 1}.`,
    )
  }
  return partitions
}
