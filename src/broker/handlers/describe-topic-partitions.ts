// Version 0. Topics in the order of their names, cut at the partition limit with a cursor for the rest.
import { errorCodes } from '../../wire/error-codes.ts'
import { ZERO_UUID } from '../../wire/message.ts'
import { describeTopicPartitions } from '../../wire/messages/describe-topic-partitions.ts'
import { handler } from '../handler.ts'
import { LEADER_EPOCH, NODE_ID } from '../services.ts'
import { refuseTopicName } from '../topic-rules.ts'

const MAX_PARTITIONS_PER_ANSWER = 2000

export const describeTopicPartitionsHandler = handler(
  describeTopicPartitions,
  [0, 0],
  (request, { services }) => {
    const { cursor } = request
    const isAll = request.topics.length === 0
    const asked = isAll ? services.storage.topics().map(topic => topic.name) : request.topics.map(t => t.name)
    const names = [...new Set(asked)].toSorted().filter(name => cursor === null || name >= cursor.topicName)
    const limit = Math.min(MAX_PARTITIONS_PER_ANSWER, Math.max(1, request.responsePartitionLimit))
    const topics = []
    let left = limit
    for (const name of names) {
      const topic = services.storage.topic(name)
      if (topic === undefined) {
        const errorCode =
          refuseTopicName(name) === undefined
            ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION
            : errorCodes.INVALID_TOPIC_EXCEPTION
        topics.push({ errorCode, name, topicId: ZERO_UUID, partitions: [] })
        continue
      }
      const first = cursor?.topicName === name ? cursor.partitionIndex : 0
      if (left === 0) {
        return { throttleTimeMs: 0, topics, nextCursor: { topicName: name, partitionIndex: first } }
      }
      const partitions = topic.partitions.slice(first, first + left).map(({ partition }) => ({
        errorCode: 0,
        partitionIndex: partition,
        leaderId: NODE_ID,
        leaderEpoch: LEADER_EPOCH,
        replicaNodes: [NODE_ID],
        isrNodes: [NODE_ID],
        eligibleLeaderReplicas: [],
        lastKnownElr: [],
        offlineReplicas: [],
      }))
      topics.push({ errorCode: 0, name, topicId: topic.id, partitions })
      left -= partitions.length
      const next = first + partitions.length
      if (next < topic.partitions.length) {
        return { throttleTimeMs: 0, topics, nextCursor: { topicName: name, partitionIndex: next } }
      }
    }
    return { throttleTimeMs: 0, topics, nextCursor: null }
  },
)
