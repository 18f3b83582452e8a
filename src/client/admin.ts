import type { Cluster } from './cluster.ts'
import type { CommittableOffset, GroupIdentity } from './producer.ts'

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

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export interface PartitionOffset extends TopicPartition {
  readonly offset: number
  /** Timestamp of the record at the offset when one was asked for by time, else -1. */
  readonly timestamp: number
}

export interface ClusterDescription {
  readonly clusterId: string
  readonly controllerId: number
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[]
}

/**
 * Creates topics and waits until every one has leaders. Resolves to what happened to each, in order; throws
 * KafkaError for any other refusal.
 */
export declare function createTopics(
  cluster: Cluster,
  topics: readonly NewTopic[],
): Promise<{ name: string; result: 'created' | 'exists' }[]>
/** Deletes topics. Those that do not exist are `missing`. */
export declare function deleteTopics(
  cluster: Cluster,
  names: readonly string[],
): Promise<{ name: string; result: 'deleted' | 'missing' }[]>
/** Grows a topic to `partitions`. */
export declare function createPartitions(cluster: Cluster, topic: string, partitions: number): Promise<void>
/** One entry per name; undefined for a topic that does not exist. Without names: all topics. */
export declare function describeTopics(
  cluster: Cluster,
  names: readonly string[],
): Promise<(TopicDescription | undefined)[]>
/** Names of all topics. */
export declare function listTopics(cluster: Cluster): Promise<string[]>
/**
 * Offsets by position or time. `latest` under `read_committed` is the last stable offset. A timestamp gives the first
 * record at or after it; offset -1 when there is none.
 */
export declare function listOffsets(
  cluster: Cluster,
  partitions: readonly (TopicPartition & { readonly at: 'earliest' | 'latest' | number })[],
  options?: { readonly isolation?: 'read_committed' | 'read_uncommitted' },
): Promise<PartitionOffset[]>
/**
 * A group's committed offsets of the given partitions; partitions without one are left out. `requireStable`
 * (default true) waits while a transaction that commits offsets is being completed.
 */
export declare function committedOffsets(
  cluster: Cluster,
  group: GroupIdentity,
  partitions: readonly TopicPartition[],
  options?: { readonly requireStable?: boolean },
): Promise<(TopicPartition & { readonly offset: number; readonly metadata: string })[]>
/** Commits offsets outside of a transaction. */
export declare function commitOffsets(
  cluster: Cluster,
  group: GroupIdentity,
  offsets: readonly CommittableOffset[],
): Promise<void>
/** Deletes records below the offsets; resolves to the new log start offsets. */
export declare function deleteRecords(
  cluster: Cluster,
  offsets: readonly (TopicPartition & { readonly offset: number })[],
): Promise<(TopicPartition & { readonly logStartOffset: number })[]>
/** Configs of one topic or broker. */
export declare function describeConfigs(
  cluster: Cluster,
  resource: { readonly topic: string } | { readonly broker: number },
): Promise<Map<string, string | null>>
export declare function describeCluster(cluster: Cluster): Promise<ClusterDescription>
