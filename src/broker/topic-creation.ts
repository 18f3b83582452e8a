import { errorCodes } from '../wire/error-codes.ts'
import type { BrokerServices } from './services.ts'
import type { TopicLog } from './storage/log-storage.ts'
import { refuseTopicConfigs } from './topic-configs.ts'
import { collidingName, type Refusal, refusePartitionCount, refuseTopicName } from './topic-rules.ts'

export interface TopicWish {
  readonly name: string
  /** -1 for the broker's default. */
  readonly partitions: number
  /** -1 for the only one possible. */
  readonly replicationFactor: number
  readonly configs: readonly { readonly name: string; readonly value: string | null }[]
}

/** Whether the topic may be made as wished; the reason if not. */
export function refuseTopic(services: BrokerServices, wish: TopicWish): Refusal | undefined {
  const { storage } = services
  const refusedName = refuseTopicName(wish.name)
  if (refusedName !== undefined) return refusedName
  if (storage.topic(wish.name) !== undefined) {
    return { code: errorCodes.TOPIC_ALREADY_EXISTS, message: `Topic '${wish.name}' already exists.` }
  }
  const collision = collidingName(
    wish.name,
    storage.topics().map(topic => topic.name),
  )
  if (collision !== undefined) {
    return {
      code: errorCodes.INVALID_TOPIC_EXCEPTION,
      message: `Topic '${wish.name}' collides with the existing topic '${collision}'.`,
    }
  }
  if (wish.partitions !== -1) {
    const refusedCount = refusePartitionCount(wish.partitions)
    if (refusedCount !== undefined) return refusedCount
  }
  if (wish.replicationFactor !== -1 && wish.replicationFactor !== 1) {
    return {
      code: errorCodes.INVALID_REPLICATION_FACTOR,
      message: `The cluster has one node, so the replication factor is 1, not ${wish.replicationFactor}.`,
    }
  }
  const fault = refuseTopicConfigs(wish.configs)
  return fault === undefined ? undefined : { code: errorCodes.INVALID_CONFIG, message: fault }
}

/** Makes the topic, or says why not. One after another, so that of two requests for one name the later finds it. */
export function createTopic(
  services: BrokerServices,
  wish: TopicWish,
): Promise<{ readonly topic: TopicLog } | { readonly refusal: Refusal }> {
  return services.topicCreations.run(async () => {
    const refusal = refuseTopic(services, wish)
    if (refusal !== undefined) return { refusal }
    const partitions = wish.partitions === -1 ? services.settings.defaultPartitions : wish.partitions
    const configs = Object.fromEntries(wish.configs.map(({ name, value }) => [name, value ?? '']))
    return { topic: await services.storage.createTopic(wish.name, partitions, configs) }
  })
}
