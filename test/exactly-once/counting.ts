import type { Cluster } from '../../src/client/cluster.ts'
import { readTopic } from '../../src/client/read-topic.ts'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { Topology } from '../../src/streams/graph/topology.ts'

export const words = topic('words', { key: string, value: string, partitions: 3 })
export const counts = topic('counts', { key: string, value: int64, partitions: 2 })
export const latest = topic('latest', { key: string, value: string, partitions: 3 })

/** Counts words behind a repartition, writes each new count, and keeps the counts. */
export function countingTopology(applicationId: string): Topology {
  const builder = new StreamsBuilder()
  builder
    .stream(words)
    .groupBy(word => word)
    .count({ store: 'counted' })
    .toStream()
    .to(counts)
  return builder.build(applicationId)
}

/**
 * Every committed count of every word, in order. Exactly once means: 1, 2, 3 … up to the number of the word's records,
 * each once.
 */
export async function committedCounts(cluster: Cluster): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>()
  for await (const { batches, firstOffset } of readTopic(cluster, counts.name)) {
    for (const batch of batches) {
      const columns = batch.records()
      for (let i = 0; i < columns.count; i++) {
        if (columns.offset(i) < firstOffset) continue
        const word = columns.key(i)?.toString() ?? ''
        const count = int64.decode(columns.value(i) as Buffer)
        const list = found.get(word)
        if (list === undefined) found.set(word, [count])
        else list.push(count)
      }
    }
  }
  return found
}

export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1)
}
