import { setTimeout as delay } from 'node:timers/promises'
import { type Cluster, committedOffsets, listOffsets, listTopics } from 'evert/client'
import { PARTITIONS } from './topics.ts'

const LOOK_EVERY_MS = 20
const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)

/** How many records the topics hold that nobody wrote in a transaction. */
export async function recordsIn(cluster: Cluster, topics: readonly string[]): Promise<number> {
  return (await endsOf(cluster, topics)).reduce((sum, { offset }) => sum + offset, 0)
}

/** Resolves when the group has committed all of its inputs, and what it wrote to repartition topics of its own. */
export async function allCommitted(
  cluster: Cluster,
  groupId: string,
  inputs: readonly string[],
): Promise<void> {
  await committedUpTo(cluster, groupId, await endsOf(cluster, inputs))
  const repartitioned = (await internalTopics(cluster, groupId)).filter(name => name.endsWith('-repartition'))
  if (repartitioned.length === 0) return
  // Nothing more is written to them now. The last offset of each is the marker of the transaction that wrote last.
  const ends = await endsOf(cluster, repartitioned)
  await committedUpTo(
    cluster,
    groupId,
    ends.filter(end => end.offset > 0).map(end => ({ ...end, offset: end.offset - 1 })),
  )
}

export async function internalTopics(cluster: Cluster, applicationId: string): Promise<string[]> {
  return (await listTopics(cluster))
    .map(({ name }) => name)
    .filter(name => name.startsWith(`${applicationId}-`))
}

type Offset = { readonly topic: string; readonly partition: number; readonly offset: number }

async function committedUpTo(cluster: Cluster, groupId: string, ends: readonly Offset[]): Promise<void> {
  for (;;) {
    const committed = await committedOffsets(cluster, { groupId }, ends, { requireStable: false })
    const reached = new Map(
      committed.map(({ topic, partition, offset }) => [`${topic}/${partition}`, offset]),
    )
    const isReached = ({ topic, partition, offset }: Offset) =>
      (reached.get(`${topic}/${partition}`) ?? 0) >= offset
    if (ends.every(isReached)) return
    await delay(LOOK_EVERY_MS)
  }
}

async function endsOf(cluster: Cluster, topics: readonly string[]): Promise<Offset[]> {
  const wanted = topics.flatMap(topic =>
    partitions.map(partition => ({ topic, partition, at: 'latest' as const })),
  )
  return listOffsets(cluster, wanted, { isolation: 'read_uncommitted' })
}
