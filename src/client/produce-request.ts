import type { RequestInputOf, ResponseOf } from '../wire/message.ts'
import type { produce } from '../wire/messages/produce.ts'
import type { Metadata } from './metadata.ts'
import type { Batch, PartitionQueue } from './partition-queue.ts'

/** A batch in a request, and where it belongs. */
export interface SentBatch {
  readonly queue: PartitionQueue
  readonly batch: Batch
}

type ProduceRequest = RequestInputOf<typeof produce>
type ProduceResponse = ResponseOf<typeof produce>
export type ProduceAnswer = ProduceResponse['responses'][number]['partitionResponses'][number]

export function produceRequest(
  sent: readonly SentBatch[],
  metadata: Metadata,
  {
    transactionalId,
    timeoutMs,
  }: { readonly transactionalId: string | undefined; readonly timeoutMs: number },
): ProduceRequest {
  const topics = new Map<string, ProduceRequest['topicData'][number]>()
  for (const { queue, batch } of sent) {
    let topic = topics.get(queue.topic)
    if (topic === undefined) {
      topic = { name: queue.topic, topicId: metadata.topic(queue.topic)?.topicId, partitionData: [] }
      topics.set(queue.topic, topic)
    }
    topic.partitionData.push({ index: queue.partition, records: batch.bytes as Buffer })
  }
  return { transactionalId: transactionalId ?? null, acks: -1, timeoutMs, topicData: [...topics.values()] }
}

/** Finds the answer to a batch; undefined when the topic's id has another name by now. */
export function produceAnswers(
  response: ProduceResponse,
  metadata: Metadata,
): (queue: PartitionQueue) => ProduceAnswer | undefined {
  const answers = new Map<string, ProduceAnswer>()
  for (const { name, topicId, partitionResponses } of response.responses) {
    const topic = name === '' ? metadata.nameOf(topicId) : name
    for (const answer of partitionResponses) answers.set(`${answer.index}/${topic}`, answer)
  }
  return ({ topic, partition }) => answers.get(`${partition}/${topic}`)
}
