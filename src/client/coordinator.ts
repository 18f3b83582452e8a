import { EvertError } from '../errors.ts'
import { errorCodes, isRetryable } from '../wire/error-codes.ts'
import type { Fields, Message, MessageInput } from '../wire/field.ts'
import type { Api } from '../wire/message.ts'
import { findCoordinator } from '../wire/messages/find-coordinator.ts'
import type { Cluster } from './cluster.ts'
import type { Connection } from './connection.ts'
import { KafkaError } from './kafka-error.ts'
import type { NodeConnections } from './node-connections.ts'
import { backoffMs, delay, isChannelError } from './retry.ts'

export type CoordinatorKind = 'group' | 'transaction'

const KEY_TYPES: Record<CoordinatorKind, number> = { group: 0, transaction: 1 }
const MOVED = new Set<number>([errorCodes.NOT_COORDINATOR, errorCodes.COORDINATOR_NOT_AVAILABLE])
/** A topic that does not exist will not come by asking again at once. */
const ABOUT_TOPICS = new Set<number>([errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorCodes.UNKNOWN_TOPIC_ID])
/** Markers of a transaction are written within milliseconds: ask again soon, not after a whole backoff. */
const SOON = new Set<number>([errorCodes.CONCURRENT_TRANSACTIONS, errorCodes.UNSTABLE_OFFSET_COMMIT])
const SOON_FIRST_MS = 2

/** Asks any node which node coordinates a group or a transactional id. */
export async function lookUpCoordinator(
  connection: Connection,
  kind: CoordinatorKind,
  key: string,
): Promise<{ nodeId: number; host: string; port: number }> {
  const batched = connection.versionOf(findCoordinator) >= 4
  const request = batched ? { coordinatorKeys: [key] } : { key }
  const answer = await connection.send(findCoordinator, { ...request, keyType: KEY_TYPES[kind] })
  const found = batched ? answer.coordinators[0] : answer
  const errorCode = found?.errorCode ?? errorCodes.COORDINATOR_NOT_AVAILABLE
  if (found === undefined || errorCode !== 0) {
    throw new KafkaError(errorCode, `No coordinator of the ${kind} "${key}"`)
  }
  return found
}

export interface CoordinatorCall<Req extends Fields, Res extends Fields> {
  readonly cluster: Cluster
  /** The caller's connections: a call waits behind what they are sending. */
  readonly connections: NodeConnections
  readonly kind: CoordinatorKind
  readonly key: string
  readonly api: Api<Req, Res>
  /** May depend on the version that the coordinator speaks. */
  readonly request: MessageInput<Req> | ((connection: Connection) => MessageInput<Req>)
  readonly maxVersion?: number
  /** The error code of an answer; 0 and codes that are not retryable end the call. */
  readonly errorCode: (response: Message<Res>) => number
  /** A topic that the coordinator does not know (yet) is waited for so long. Default 0. */
  readonly topicTimeoutMs?: number
  /** Gives up with TIMEOUT after this. Default: the request's answer is waited for as long as it takes. */
  readonly withinMs?: number
  readonly isCancelled?: () => boolean
}

/**
 * Sends the same request to the coordinator until it answers with something final: lost channels, moved and loading
 * coordinators and unfinished transactions are waited out. Resolves to the answer, whatever its final error code.
 */
export async function callCoordinator<Req extends Fields, Res extends Fields>(
  call: CoordinatorCall<Req, Res>,
): Promise<Message<Res>> {
  const { cluster, api, kind, key } = call
  const { clock } = cluster
  const deadlineMs = clock.elapsedMs() + (call.withinMs ?? Number.POSITIVE_INFINITY)
  const topicDeadlineMs = clock.elapsedMs() + (call.topicTimeoutMs ?? 0)
  for (let attempt = 0; ; attempt++) {
    let failure: unknown
    let isSoon = false
    try {
      const nodeId = await cluster.coordinatorOf(kind, key)
      const connection = await call.connections.get(nodeId)
      const request = typeof call.request === 'function' ? call.request(connection) : call.request
      const options = call.maxVersion === undefined ? {} : { maxVersion: call.maxVersion }
      const answer = await connection.send(api, request, options)
      const errorCode = call.errorCode(answer)
      const isTopicAwaited =
        errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION && clock.elapsedMs() < topicDeadlineMs
      if (!isBusy(errorCode) && !isTopicAwaited) return answer
      if (MOVED.has(errorCode)) cluster.forgetCoordinator(kind, key)
      isSoon = SOON.has(errorCode)
      failure = new KafkaError(errorCode, `${api.name} for the ${kind} "${key}"`)
    } catch (error) {
      const isPassing = error instanceof KafkaError && isBusy(error.errorCode)
      if (!isPassing && !isChannelError(error)) throw error
      cluster.forgetCoordinator(kind, key)
      failure = error
    }
    const { backoff } = cluster
    const waitMs = backoffMs(isSoon ? { ...backoff, firstMs: SOON_FIRST_MS } : backoff, attempt)
    if (clock.elapsedMs() + waitMs > deadlineMs) {
      throw new EvertError(
        'TIMEOUT',
        `${api.name} for the ${kind} "${key}" found no answer in ${call.withinMs} ms.`,
        {
          cause: failure,
          retryable: true,
        },
      )
    }
    await delay(clock, waitMs)
    if (call.isCancelled?.() === true) {
      throw new EvertError('CLOSED', `Closed while ${api.name} for the ${kind} "${key}" was retried.`, {
        cause: failure,
      })
    }
  }
}

/** The same request may get another answer (Kafka's TransactionManager asks again for every retriable error too). */
function isBusy(errorCode: number): boolean {
  return isRetryable(errorCode) && !ABOUT_TOPICS.has(errorCode)
}
