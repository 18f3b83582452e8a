import { errorCodes } from '../wire/error-codes.ts'
import { addOffsetsToTxn } from '../wire/messages/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from '../wire/messages/add-partitions-to-txn.ts'
import { endTxn } from '../wire/messages/end-txn.ts'
import { initProducerId } from '../wire/messages/init-producer-id.ts'
import { produce } from '../wire/messages/produce.ts'
import { txnOffsetCommit } from '../wire/messages/txn-offset-commit.ts'
import type { Cluster } from './cluster.ts'
import type { Connection } from './connection.ts'
import { type CoordinatorCall, callCoordinator } from './coordinator.ts'
import { KafkaError, ProducerFencedError } from './kafka-error.ts'
import type { NodeConnections } from './node-connections.ts'
import type { ProducerIdentity } from './partition-queue.ts'
import type { CommittableOffset, GroupIdentity } from './committable-offset.ts'
import type { Fields } from '../wire/field.ts'
import { byTopic } from './topic-partitions.ts'

/** KIP-890's second part: the broker adds partitions by itself and every transaction has an epoch of its own. */
const IMPLICIT_PARTITIONS = 2
/** Newest versions that mean the older protocol. */
const EXPLICIT = { addPartitionsToTxn: 3, txnOffsetCommit: 4, endTxn: 4, produce: 11 } as const
const FENCED = new Set<number>([errorCodes.PRODUCER_FENCED, errorCodes.INVALID_PRODUCER_EPOCH])

/** True for the codes by which a broker says that a newer instance took over the transactional id. */
export function isFencing(errorCode: number): boolean {
  return FENCED.has(errorCode)
}

export function transactionError(errorCode: number, what: string): KafkaError {
  return isFencing(errorCode)
    ? new ProducerFencedError(
        errorCode,
        `${what}, because a newer instance took over or the transaction timed out`,
      )
    : new KafkaError(errorCode, what)
}

export interface TransactionClientOptions {
  readonly cluster: Cluster
  readonly connections: NodeConnections
  readonly transactionalId: string
  readonly transactionTimeoutMs: number
  /** How long retries may go on, except of the end of a transaction. */
  readonly withinMs: number
  /** How long a topic that does not exist is waited for. */
  readonly topicTimeoutMs: number
  readonly isClosed: () => boolean
}

/**
 * The requests of a transactional producer, each sent until its answer is final. Errors are KafkaError, or
 * ProducerFencedError. Which of the two protocols is spoken is decided at each initialise().
 */
export class TransactionClient {
  readonly #options: TransactionClientOptions
  #isImplicit = false

  constructor(options: TransactionClientOptions) {
    this.#options = options
  }

  /** Whether the broker adds partitions by itself (transaction.version 2). */
  get isImplicit(): boolean {
    return this.#isImplicit
  }

  get produceVersion(): number {
    return this.#isImplicit ? produce.versions[1] : EXPLICIT.produce
  }

  /**
   * Without an identity: takes over the transactional id, which ends what older instances left open. With one: only
   * raises the own epoch, so that sequences start anew; fails when another instance took over.
   */
  async initialise(current: ProducerIdentity = { producerId: -1, epoch: -1 }): Promise<ProducerIdentity> {
    const { transactionalId, transactionTimeoutMs } = this.#options
    const answer = await this.#call({
      kind: 'transaction',
      key: transactionalId,
      api: initProducerId,
      request: connection => {
        this.#isImplicit = speaksImplicit(connection)
        return {
          transactionalId,
          transactionTimeoutMs,
          producerId: current.producerId,
          producerEpoch: current.epoch,
        }
      },
      errorCode: ({ errorCode }) => errorCode,
    })
    if (answer.errorCode !== 0) {
      throw transactionError(answer.errorCode, `The transactional id "${transactionalId}" was refused`)
    }
    return { producerId: answer.producerId, epoch: answer.producerEpoch }
  }

  /** Older protocol: names the partitions before they are produced to. */
  async addPartitions(
    identity: ProducerIdentity,
    partitions: readonly { readonly topic: string; readonly partition: number }[],
  ): Promise<void> {
    const { transactionalId, topicTimeoutMs } = this.#options
    const topics = byTopic(partitions).map(([name, entries]) => ({
      name,
      partitions: entries.map(({ partition }) => partition),
    }))
    const failureOf = (
      results: readonly { resultsByPartition: readonly { partitionErrorCode: number }[] }[],
    ) =>
      firstError(results.flatMap(topic => topic.resultsByPartition.map(result => result.partitionErrorCode)))
    const answer = await this.#call({
      kind: 'transaction',
      key: transactionalId,
      api: addPartitionsToTxn,
      maxVersion: EXPLICIT.addPartitionsToTxn,
      request: {
        v3AndBelowTransactionalId: transactionalId,
        v3AndBelowProducerId: identity.producerId,
        v3AndBelowProducerEpoch: identity.epoch,
        v3AndBelowTopics: topics,
      },
      errorCode: response => failureOf(response.resultsByTopicV3AndBelow),
      topicTimeoutMs,
    })
    const errorCode = failureOf(answer.resultsByTopicV3AndBelow)
    if (errorCode !== 0) {
      throw transactionError(
        errorCode,
        `Partitions could not be added to the transaction of "${transactionalId}"`,
      )
    }
  }

  /** Makes offsets part of the transaction. */
  async commitOffsets(
    identity: ProducerIdentity,
    group: GroupIdentity,
    offsets: readonly CommittableOffset[],
  ): Promise<void> {
    const { transactionalId, topicTimeoutMs } = this.#options
    const { producerId, epoch: producerEpoch } = identity
    if (!this.#isImplicit) {
      const added = await this.#call({
        kind: 'transaction',
        key: transactionalId,
        api: addOffsetsToTxn,
        request: { transactionalId, producerId, producerEpoch, groupId: group.groupId },
        errorCode: ({ errorCode }) => errorCode,
      })
      if (added.errorCode !== 0) {
        throw transactionError(
          added.errorCode,
          `The group "${group.groupId}" could not be added to a transaction`,
        )
      }
    }
    const failureOf = (topics: readonly { partitions: readonly { errorCode: number }[] }[]) =>
      firstError(topics.flatMap(topic => topic.partitions.map(partition => partition.errorCode)))
    const answer = await this.#call({
      kind: 'group',
      key: group.groupId,
      api: txnOffsetCommit,
      maxVersion: this.#isImplicit ? txnOffsetCommit.versions[1] : EXPLICIT.txnOffsetCommit,
      request: {
        transactionalId,
        groupId: group.groupId,
        producerId,
        producerEpoch,
        generationId: group.epoch ?? -1,
        memberId: group.memberId ?? '',
        groupInstanceId: group.instanceId ?? null,
        topics: byTopic(offsets).map(([name, entries]) => ({
          name,
          partitions: entries.map(({ partition, offset, metadata = '' }) => ({
            partitionIndex: partition,
            committedOffset: offset,
            committedMetadata: metadata,
          })),
        })),
      },
      errorCode: response => failureOf(response.topics),
      topicTimeoutMs,
    })
    const errorCode = failureOf(answer.topics)
    if (errorCode !== 0) {
      throw transactionError(errorCode, `Offsets of the group "${group.groupId}" were refused`)
    }
  }

  /**
   * Ends the transaction. A lost answer is asked for again with the same request, which the coordinator recognises,
   * until the outcome is exact. Resolves to the identity of the next transaction.
   */
  async end(identity: ProducerIdentity, isCommit: boolean): Promise<ProducerIdentity> {
    const { transactionalId } = this.#options
    const answer = await this.#call({
      kind: 'transaction',
      key: transactionalId,
      api: endTxn,
      maxVersion: this.#isImplicit ? endTxn.versions[1] : EXPLICIT.endTxn,
      request: {
        transactionalId,
        producerId: identity.producerId,
        producerEpoch: identity.epoch,
        committed: isCommit,
      },
      errorCode: ({ errorCode }) => errorCode,
      withinMs: Number.POSITIVE_INFINITY,
    })
    if (answer.errorCode !== 0) {
      const what = isCommit ? 'committed' : 'aborted'
      throw transactionError(answer.errorCode, `The transaction of "${transactionalId}" could not be ${what}`)
    }
    return this.#isImplicit && answer.producerId >= 0
      ? { producerId: answer.producerId, epoch: answer.producerEpoch }
      : identity
  }

  #call<Req extends Fields, Res extends Fields>(
    call: Omit<CoordinatorCall<Req, Res>, 'cluster' | 'connections' | 'isCancelled'>,
  ) {
    const { cluster, connections, withinMs, isClosed } = this.#options
    return callCoordinator({ withinMs, ...call, cluster, connections, isCancelled: isClosed })
  }
}

function speaksImplicit(connection: Connection): boolean {
  return (
    (connection.features.get('transaction.version') ?? 0) >= IMPLICIT_PARTITIONS &&
    connection.versionOf(endTxn) > EXPLICIT.endTxn &&
    connection.versionOf(txnOffsetCommit) > EXPLICIT.txnOffsetCommit &&
    connection.versionOf(produce) > EXPLICIT.produce
  )
}

function firstError(codes: readonly number[]): number {
  return codes.find(code => code !== 0) ?? 0
}
