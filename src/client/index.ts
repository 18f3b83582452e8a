// The client of a Kafka cluster, over TCP or in process: `evert/client`.

// Clusters
export { Cluster, type ClusterOptions, clusterFromTransport, openCluster } from './cluster.ts'
export type { BrokerAddress, Connection, SendOptions, Transport } from './connection.ts'
export { registerTransport, type TransportFactory, transportOptions } from './cluster.ts'
export type { ClusterListener, TransportOptions } from './transport/options.ts'
export { inProcessTransport } from './transport/in-process.ts'
export { tcpTransport } from './transport/tcp.ts'
export { KafkaError, ProducerFencedError } from './kafka-error.ts'

// Writing
export { Producer, type ProducerRecord } from './producer.ts'
export type { ProducerOptions } from './producer-options.ts'
export type { CommittableOffset, GroupIdentity } from './committable-offset.ts'

// Reading
export { Fetcher, type PartitionPosition } from './fetcher.ts'
export type { PartitionProgress } from './assigned-partition.ts'
export type { FetcherOptions } from './fetcher-options.ts'
export type { FetchedPartition } from './fetched-partition.ts'
export { type ReadTopicOptions, readTopic } from './read-topic.ts'

// Groups
export { StreamsMember } from './group/streams-member.ts'
export type {
  EndpointPartitions,
  GroupStatus,
  StreamsAssignment,
  StreamsMemberOptions,
  StreamsMemberOwner,
  StreamsTopology,
  TaskIds,
} from './group/streams-protocol.ts'

// Administration
export {
  type ClusterDescription,
  createPartitions,
  createTopics,
  deleteRecords,
  deleteTopics,
  describeCluster,
  describeConfigs,
  describeTopics,
  listTopics,
  type NewTopic,
  type TopicDescription,
} from './admin.ts'
export { commitOffsets, committedOffsets } from './group-offsets.ts'
export { alterGroupConfigs } from './group-configs.ts'
export {
  deleteGroup,
  describeGroup,
  type GroupDescription,
  type GroupListing,
  type GroupMember,
  listGroups,
} from './groups.ts'
export { listOffsets, type PartitionOffset } from './list-offsets.ts'
export type { TopicPartition } from './topic-partitions.ts'
