import { listOffsets as listOffsetsApi } from '../wire/messages/list-offsets.ts'
import { askLeaders } from './admin-calls.ts'
import type { Cluster } from './cluster.ts'
import type { Connection } from './connection.ts'
import { byTopic, type TopicPartition } from './topic-partitions.ts'

/** `latest` under `read_committed` is the last stable offset; a timestamp means the first record at or after it. */
export interface WantedOffset extends TopicPartition {
  readonly at: 'earliest' | 'latest' | number
}

export interface PartitionOffset extends TopicPartition {
  /** -1 when no record is at or after the timestamp that was asked for. */
  readonly offset: number
  /** Timestamp of the record at the offset when one was asked for by time, else -1. */
  readonly timestamp: number
}

export interface ListOffsetsOptions {
  /** Default `read_committed`. */
  readonly isolation?: 'read_committed' | 'read_uncommitted'
}

const POSITIONS = { earliest: -2, latest: -1 } as const

/** Offsets by position or time, in the order asked for. Asks for half a minute; throws KafkaError, CONNECTION. */
export async function listOffsets(
  cluster: Cluster,
  partitions: readonly WantedOffset[],
  { isolation = 'read_committed' }: ListOffsetsOptions = {},
): Promise<PartitionOffset[]> {
  const found = new Map<string, PartitionOffset>()
  await askLeaders(cluster, partitions, async (connection, group) => {
    const answers = await requestOffsets(connection, group, {
      isolation,
      timeoutMs: cluster.requestTimeoutMs,
    })
    for (const answer of answers) found.set(`${answer.partition}/${answer.topic}`, answer)
    return answers
  })
  return partitions.map(({ topic, partition }) => found.get(`${partition}/${topic}`) as PartitionOffset)
}

/** One request to the leader of all these partitions, with what it said to each. */
export async function requestOffsets(
  connection: Connection,
  partitions: readonly WantedOffset[],
  { isolation, timeoutMs }: Required<ListOffsetsOptions> & { readonly timeoutMs: number },
): Promise<(PartitionOffset & { readonly errorCode: number })[]> {
  const answer = await connection.send(listOffsetsApi, {
    replicaId: -1,
    isolationLevel: isolation === 'read_committed' ? 1 : 0,
    topics: byTopic(partitions).map(([name, entries]) => ({
      name,
      partitions: entries.map(({ partition, at }) => ({
        partitionIndex: partition,
        timestamp: typeof at === 'number' ? at : POSITIONS[at],
      })),
    })),
    timeoutMs,
  })
  return answer.topics.flatMap(({ name: topic, partitions: entries }) =>
    entries.map(({ partitionIndex: partition, errorCode, offset, timestamp }) => ({
      topic,
      partition,
      errorCode,
      offset,
      timestamp,
    })),
  )
}
