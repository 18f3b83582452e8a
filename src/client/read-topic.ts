import type { Cluster } from './cluster.ts'
import type { FetchedPartition } from './fetched-partition.ts'
import { Fetcher } from './fetcher.ts'
import { listOffsets } from './list-offsets.ts'

export interface ReadTopicOptions {
  /** Default `earliest`. */
  readonly from?: 'earliest' | 'latest' | number
  /** `end`: until what is there now; `never`: goes on. Default `end`. */
  readonly to?: 'end' | 'never'
  /** Default `read_committed`. */
  readonly isolation?: 'read_committed' | 'read_uncommitted'
  /** Default: all. */
  readonly partitions?: readonly number[]
}

/** Reads a topic's batches, partition by partition in order; ends at the offsets that were the last when it began. */
export async function* readTopic(
  cluster: Cluster,
  topic: string,
  { from = 'earliest', to = 'end', isolation = 'read_committed', partitions }: ReadTopicOptions = {},
): AsyncGenerator<FetchedPartition> {
  const wanted = partitions ?? Array.from({ length: await cluster.partitionsOf(topic) }, (_, index) => index)
  const at = (position: 'earliest' | 'latest') =>
    listOffsets(
      cluster,
      wanted.map(partition => ({ topic, partition, at: position })),
      { isolation },
    )
  const ends = to === 'end' ? await at('latest') : undefined
  const starts = typeof from === 'number' ? undefined : await at(from)
  const left = new Map<number, number>()
  const positions = wanted.map((partition, index) => {
    const offset = starts?.[index]?.offset ?? (from as number)
    const end = ends?.[index]?.offset ?? Number.POSITIVE_INFINITY
    if (offset < end) left.set(partition, end)
    return { topic, partition, offset }
  })
  await using fetcher = new Fetcher(cluster, { isolation })
  fetcher.assign(positions.filter(({ partition }) => left.has(partition)))
  while (left.size > 0) {
    for (const fetched of await fetcher.poll({ maxWaitMs: 1000 })) {
      yield fetched
      if (fetched.nextOffset < (left.get(fetched.partition) ?? 0)) continue
      left.delete(fetched.partition)
      fetcher.unassign([fetched])
    }
  }
}
