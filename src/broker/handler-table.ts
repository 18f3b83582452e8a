import type { Handler } from './handler.ts'
import { addOffsetsToTxnHandler } from './handlers/add-offsets-to-txn.ts'
import { addPartitionsToTxnHandler } from './handlers/add-partitions-to-txn.ts'
import { apiVersionsHandler } from './handlers/api-versions.ts'
import { createPartitionsHandler } from './handlers/create-partitions.ts'
import { createTopicsHandler } from './handlers/create-topics.ts'
import { deleteGroupsHandler } from './handlers/delete-groups.ts'
import { deleteRecordsHandler } from './handlers/delete-records.ts'
import { deleteTopicsHandler } from './handlers/delete-topics.ts'
import { describeClusterHandler } from './handlers/describe-cluster.ts'
import { describeConfigsHandler } from './handlers/describe-configs.ts'
import { describeGroupsHandler } from './handlers/describe-groups.ts'
import { describeTopicPartitionsHandler } from './handlers/describe-topic-partitions.ts'
import { endTxnHandler } from './handlers/end-txn.ts'
import { fetchHandler } from './handlers/fetch.ts'
import { findCoordinatorHandler } from './handlers/find-coordinator.ts'
import { incrementalAlterConfigsHandler } from './handlers/incremental-alter-configs.ts'
import { initProducerIdHandler } from './handlers/init-producer-id.ts'
import { listGroupsHandler } from './handlers/list-groups.ts'
import { listOffsetsHandler } from './handlers/list-offsets.ts'
import { metadataHandler } from './handlers/metadata.ts'
import { offsetCommitHandler } from './handlers/offset-commit.ts'
import { offsetFetchHandler } from './handlers/offset-fetch.ts'
import { offsetForLeaderEpochHandler } from './handlers/offset-for-leader-epoch.ts'
import { produceHandler } from './handlers/produce.ts'
import { streamsGroupDescribeHandler } from './handlers/streams-group-describe.ts'
import { streamsGroupHeartbeatHandler } from './handlers/streams-group-heartbeat.ts'
import { txnOffsetCommitHandler } from './handlers/txn-offset-commit.ts'

/** By API key. What is not here is not advertised. */
export const handlers: ReadonlyMap<number, Handler> = new Map(
  [
    produceHandler,
    fetchHandler,
    listOffsetsHandler,
    metadataHandler,
    offsetCommitHandler,
    offsetFetchHandler,
    findCoordinatorHandler,
    describeGroupsHandler,
    listGroupsHandler,
    apiVersionsHandler,
    createTopicsHandler,
    deleteTopicsHandler,
    deleteRecordsHandler,
    initProducerIdHandler,
    offsetForLeaderEpochHandler,
    addPartitionsToTxnHandler,
    addOffsetsToTxnHandler,
    endTxnHandler,
    txnOffsetCommitHandler,
    describeConfigsHandler,
    createPartitionsHandler,
    incrementalAlterConfigsHandler,
    deleteGroupsHandler,
    describeClusterHandler,
    describeTopicPartitionsHandler,
    streamsGroupHeartbeatHandler,
    streamsGroupDescribeHandler,
  ].map(handler => [handler.api.key, handler]),
)
