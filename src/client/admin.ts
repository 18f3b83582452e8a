import { errorCodes } from '../wire/error-codes.ts'
import { createPartitions as createPartitionsApi } from '../wire/messages/create-partitions.ts'
import { createTopics as createTopicsApi } from '../wire/messages/create-topics.ts'
import { deleteRecords as deleteRecordsApi } from '../wire/messages/delete-records.ts'
import { deleteTopics as deleteTopicsApi } from '../wire/messages/delete-topics.ts'
import { describeCluster as describeClusterApi } from '../wire/messages/describe-cluster.ts'
import { describeConfigs as describeConfigsApi } from '../wire/messages/describe-configs.ts'
import { askLeaders, retried } from './admin-calls.ts'
import type { Cluster } from './cluster.ts'
import { GROUP_RESOURCE } from './group-configs.ts'
import { KafkaError } from './kafka-error.ts'
import type { TopicMetadata } from './metadata.ts'
import { byTopic, type TopicPartition } from './topic-partitions.ts'

export { commitOffsets, committedOffsets } from './group-offsets.ts'
export { alterGroupConfigs } from './group-configs.ts'
export { listOffsets } from './list-offsets.ts'

export interface NewTopic {
  readonly name: string
  /** Default: the broker's. */
  readonly partitions?: number
  /** Default: the broker's. */
  readonly replicationFactor?: number
  readonly configs?: Readonly<Record<string, string>>
}

export interface TopicDescription {
  readonly name: string
  readonly topicId: string
  readonly isInternal: boolean
  readonly partitions: readonly { readonly partition: number; readonly leaderId: number }[]
}

export interface ClusterDescription {
  readonly clusterId: string
  readonly controllerId: number
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[]
}

/** How long a broker may take to make or delete a topic. */
const TOPIC_TIMEOUT_MS = 30_000

/**
 * Creates topics and waits until every one has leaders. Resolves to what happened to each, in order; throws
 * KafkaError for any other refusal.
 */
export async function createTopics(
  cluster: Cluster,
  topics: readonly NewTopic[],
): Promise<{ name: string; result: 'created' | 'exists' }[]> {
  const request = {
    topics: topics.map(({ name, partitions = -1, replicationFactor = -1, configs = {} }) => ({
      name,
      numPartitions: partitions,
      replicationFactor,
      assignments: [],
      configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
    })),
    timeoutMs: TOPIC_TIMEOUT_MS,
  }
  const answer = await retried(cluster, async () => {
    const connection = await cluster.anyConnection()
    return connection.send(createTopicsApi, request)
  })
  const results: { name: string; result: 'created' | 'exists' }[] = []
  for (const { name } of topics) {
    const found = answer.topics.find(topic => topic.name === name)
    const errorCode = found?.errorCode ?? errorCodes.UNKNOWN_SERVER_ERROR
    if (errorCode !== 0 && errorCode !== errorCodes.TOPIC_ALREADY_EXISTS) {
      const detail = found?.errorMessage ? ` (${found.errorMessage})` : ''
      throw new KafkaError(errorCode, `The topic "${name}" was not created${detail}`, { topic: name })
    }
    results.push({ name, result: errorCode === 0 ? 'created' : 'exists' })
  }
  await retried(cluster, async () => {
    await cluster.metadata.refresh(topics.map(({ name }) => name))
    for (const { name } of topics) {
      const leaders = cluster.metadata.topic(name)?.leaders ?? []
      if (leaders.length === 0 || leaders.includes(-1)) {
        throw new KafkaError(errorCodes.LEADER_NOT_AVAILABLE, `The topic "${name}" has no leaders yet`, {
          topic: name,
        })
      }
    }
  })
  return results
}

/** Deletes topics. Those that do not exist are `missing`. */
export async function deleteTopics(
  cluster: Cluster,
  names: readonly string[],
): Promise<{ name: string; result: 'deleted' | 'missing' }[]> {
  const answer = await retried(cluster, async () => {
    const connection = await cluster.anyConnection()
    return connection.send(
      deleteTopicsApi,
      {
        topics: names.map(name => ({ name })),
        topicNames: [...names],
        timeoutMs: TOPIC_TIMEOUT_MS,
      },
      connection.versionOf(deleteTopicsApi) >= 6 ? {} : { maxVersion: 5 },
    )
  })
  const results = names.map(name => {
    const errorCode = answer.responses.find(topic => topic.name === name)?.errorCode ?? -1
    if (errorCode !== 0 && errorCode !== errorCodes.UNKNOWN_TOPIC_OR_PARTITION) {
      throw new KafkaError(errorCode, `The topic "${name}" was not deleted`, { topic: name })
    }
    return { name, result: errorCode === 0 ? ('deleted' as const) : ('missing' as const) }
  })
  await cluster.metadata.refresh(names)
  return results
}

/** Grows a topic to `partitions`. */
export async function createPartitions(cluster: Cluster, topic: string, partitions: number): Promise<void> {
  const connection = await cluster.anyConnection()
  const answer = await connection.send(createPartitionsApi, {
    topics: [{ name: topic, count: partitions, assignments: null }],
    timeoutMs: TOPIC_TIMEOUT_MS,
    validateOnly: false,
  })
  const { errorCode = -1, errorMessage = null } = answer.results[0] ?? {}
  if (errorCode !== 0) {
    const detail = errorMessage === null ? '' : ` (${errorMessage})`
    throw new KafkaError(errorCode, `The topic "${topic}" was not grown${detail}`, { topic })
  }
  await cluster.metadata.refresh([topic])
}

/** One entry per name; undefined for a topic that does not exist. */
export async function describeTopics(
  cluster: Cluster,
  names: readonly string[],
): Promise<(TopicDescription | undefined)[]> {
  await retried(cluster, () => cluster.metadata.refresh(names))
  return names.map(name => {
    const topic = cluster.metadata.topic(name)
    return topic && descriptionOf(topic)
  })
}

/** All topics. */
export async function listTopics(cluster: Cluster): Promise<TopicDescription[]> {
  return (await retried(cluster, () => cluster.metadata.all())).map(descriptionOf)
}

function descriptionOf({ name, topicId, isInternal, leaders }: TopicMetadata): TopicDescription {
  const partitions = leaders.map((leaderId, partition) => ({ partition, leaderId }))
  return { name, topicId, isInternal, partitions }
}

/** Deletes records below the offsets; resolves to the new log start offsets. */
export async function deleteRecords(
  cluster: Cluster,
  offsets: readonly (TopicPartition & { readonly offset: number })[],
): Promise<(TopicPartition & { readonly logStartOffset: number })[]> {
  const found = new Map<string, number>()
  await askLeaders(cluster, offsets, async (connection, group) => {
    const answer = await connection.send(deleteRecordsApi, {
      topics: byTopic(group).map(([name, entries]) => ({
        name,
        partitions: entries.map(({ partition, offset }) => ({ partitionIndex: partition, offset })),
      })),
      timeoutMs: cluster.requestTimeoutMs,
    })
    return answer.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex: partition, errorCode, lowWatermark }) => {
        found.set(`${partition}/${name}`, lowWatermark)
        return { topic: name, partition, errorCode }
      }),
    )
  })
  return offsets.map(({ topic, partition }) => ({
    topic,
    partition,
    logStartOffset: found.get(`${partition}/${topic}`) as number,
  }))
}

/** Configs of one topic, broker or group, by name. */
export async function describeConfigs(
  cluster: Cluster,
  resource: { readonly topic: string } | { readonly broker: number } | { readonly group: string },
): Promise<Map<string, string | null>> {
  const { type: resourceType, name: resourceName } = resourceOf(resource)
  const connection =
    'broker' in resource ? await cluster.connections.get(resource.broker) : await cluster.anyConnection()
  const answer = await connection.send(describeConfigsApi, {
    resources: [{ resourceType, resourceName, configurationKeys: null }],
  })
  const result = answer.results[0]
  if (result === undefined || result.errorCode !== 0) {
    throw new KafkaError(result?.errorCode ?? -1, `Configs of "${resourceName}" cannot be read`)
  }
  return new Map(result.configs.map(({ name, value }) => [name, value]))
}

function resourceOf(resource: Parameters<typeof describeConfigs>[1]): { type: number; name: string } {
  if ('topic' in resource) return { type: 2, name: resource.topic }
  if ('broker' in resource) return { type: 4, name: String(resource.broker) }
  return { type: GROUP_RESOURCE, name: resource.group }
}

export async function describeCluster(cluster: Cluster): Promise<ClusterDescription> {
  const connection = await cluster.anyConnection()
  const answer = await connection.send(describeClusterApi, { includeClusterAuthorizedOperations: false })
  if (answer.errorCode !== 0) throw new KafkaError(answer.errorCode, 'The cluster cannot be described')
  return {
    clusterId: answer.clusterId,
    controllerId: answer.controllerId,
    brokers: answer.brokers.map(({ brokerId: nodeId, host, port }) => ({ nodeId, host, port })),
  }
}
