import type { RequestInputOf, ResponseOf } from '../wire/message.ts'
import type { fetch } from '../wire/messages/fetch.ts'
import type { AssignedPartition } from './assigned-partition.ts'
import type { FetcherSettings } from './fetcher-options.ts'
import type { Metadata } from './metadata.ts'
import { byTopic, type TopicPartition } from './topic-partitions.ts'

type FetchResponse = ResponseOf<typeof fetch>
export type FetchAnswer = FetchResponse['responses'][number]['partitions'][number]

export function fetchRequest(
  partitions: readonly AssignedPartition[],
  metadata: Metadata,
  settings: FetcherSettings,
): RequestInputOf<typeof fetch> {
  const { maxWaitMs, minBytes, maxBytes, partitionMaxBytes, isolation } = settings
  // Until its first answer nobody knows how far behind a partition is: that one is not waited for.
  const isFirst = partitions.some(({ highWatermark }) => highWatermark < 0)
  return {
    maxWaitMs: isFirst ? 0 : maxWaitMs,
    minBytes,
    maxBytes,
    isolationLevel: isolation === 'read_committed' ? 1 : 0,
    topics: byTopic(partitions).map(([topic, entries]) => ({
      topic,
      topicId: metadata.topic(topic)?.topicId,
      partitions: entries.map(({ partition, fetchOffset }) => ({
        partition,
        fetchOffset,
        partitionMaxBytes,
      })),
    })),
  }
}

/** Finds the answer for a partition; undefined when the topic's id is not (any more) the topic's. */
export function fetchAnswers(
  response: FetchResponse,
  metadata: Metadata,
): (place: TopicPartition) => FetchAnswer | undefined {
  const answers = new Map<string, FetchAnswer>()
  for (const { topic, topicId, partitions } of response.responses) {
    const name = topic === '' ? metadata.nameOf(topicId) : topic
    for (const answer of partitions) answers.set(`${answer.partitionIndex}/${name}`, answer)
  }
  return ({ topic, partition }) => answers.get(`${partition}/${topic}`)
}
