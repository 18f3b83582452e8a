// Versions 0-13. Topic ids from v10; v0 means "all topics" by an empty list, v1+ by null.
import { errorCodes } from '../../wire/error-codes.ts'
import { ZERO_UUID } from '../../wire/message.ts'
import { metadata } from '../../wire/messages/metadata.ts'
import { handler } from '../handler.ts'
import { type BrokerServices, LEADER_EPOCH, NODE_ID } from '../services.ts'
import type { TopicLog } from '../storage/log-storage.ts'
import { createTopic } from '../topic-creation.ts'
import { refuseTopicName } from '../topic-rules.ts'

export const metadataHandler = handler(metadata, [0, 13], async (request, { services, version }) => {
  const all = request.topics === null || (version === 0 && request.topics.length === 0)
  const topics = []
  if (all) {
    for (const topic of services.storage.topics()) topics.push(known(topic))
  } else {
    for (const wanted of request.topics ?? []) {
      topics.push(await answer(services, wanted, request.allowAutoTopicCreation, version))
    }
  }
  const { host, port } = services.advertised
  return {
    brokers: [{ nodeId: NODE_ID, host, port }],
    clusterId: services.storage.clusterId,
    controllerId: NODE_ID,
    topics,
  }
})

async function answer(
  services: BrokerServices,
  { name, topicId }: { name: string | null; topicId: string },
  mayCreate: boolean,
  version: number,
) {
  if (name === null) {
    const topic = services.storage.topicById(topicId)
    return topic === undefined
      ? // Before v12 the answer's name cannot be null.
        missing(version < 12 ? '' : null, topicId, errorCodes.UNKNOWN_TOPIC_ID)
      : known(topic)
  }
  const topic = services.storage.topic(name)
  if (topic !== undefined) return known(topic)
  if (refuseTopicName(name) !== undefined) return missing(name, ZERO_UUID, errorCodes.INVALID_TOPIC_EXCEPTION)
  if (!mayCreate || !services.settings.autoCreateTopics) {
    return missing(name, ZERO_UUID, errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  }
  const wish = { name, partitions: -1, replicationFactor: -1, configs: [] }
  const result = await createTopic(services, wish)
  if ('topic' in result) return known(result.topic)
  // Another request may have made it meanwhile.
  const made = services.storage.topic(name)
  return made === undefined ? missing(name, ZERO_UUID, result.refusal.code) : known(made)
}

function known(topic: TopicLog) {
  return {
    errorCode: 0,
    name: topic.name,
    topicId: topic.id,
    partitions: topic.partitions.map(({ partition }) => ({
      errorCode: 0,
      partitionIndex: partition,
      leaderId: NODE_ID,
      leaderEpoch: LEADER_EPOCH,
      replicaNodes: [NODE_ID],
      isrNodes: [NODE_ID],
      offlineReplicas: [],
    })),
  }
}

function missing(name: string | null, topicId: string, errorCode: number) {
  return { errorCode, name, topicId, partitions: [] }
}
