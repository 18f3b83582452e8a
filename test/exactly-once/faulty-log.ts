import { type Broker, openBroker } from '../../src/broker/broker.ts'
import { openMemoryStorage } from '../../src/broker/storage/storage.ts'
import { type Cluster, clusterFromTransport, transportOptions } from '../../src/client/cluster.ts'
import { inProcessTransport } from '../../src/client/transport/in-process.ts'
import { EvertError } from '../../src/errors.ts'
import { errorCodes } from '../../src/wire/error-codes.ts'
import type { RequestOf } from '../../src/wire/message.ts'
import { txnOffsetCommit } from '../../src/wire/messages/txn-offset-commit.ts'
import type { RequestHandler } from '../../src/wire/request-handler.ts'

/** A broker in memory, and clusters over it that lose requests and answers and refuse commits. */
export interface FaultyLog extends AsyncDisposable {
  /** Without faults. */
  readonly cluster: Cluster
  /**
   * `chance` of each request to be lost, half of them after the broker acted on it; five times as often, offsets in a
   * transaction are refused as those of a member that has lost its tasks.
   */
  faultyCluster(chance: () => number): Cluster
  readonly faults: number
  readonly refusals: number
}

export async function openFaultyLog(random: () => number): Promise<FaultyLog> {
  const storage = await openMemoryStorage({})
  const broker = await openBroker({ storage, heartbeatIntervalMs: 20, sessionTimeoutMs: 2_000 })
  const cluster = clusterFromTransport(inProcessTransport(broker, transportOptions()))
  const faulty: Cluster[] = []
  let faults = 0
  let refusals = 0
  return {
    cluster,
    faultyCluster(chance) {
      const handler = losing(broker, {
        isLost: () => random() < chance() && ++faults > 0,
        isLostBefore: () => random() < 0.5,
        isRefused: () => random() < 5 * chance() && ++refusals > 0,
      })
      const cluster = clusterFromTransport(inProcessTransport(handler, transportOptions()), {
        random,
        retryBackoffMs: 1,
        retryBackoffMaxMs: 20,
      })
      faulty.push(cluster)
      return cluster
    },
    get faults() {
      return faults
    },
    get refusals() {
      return refusals
    },
    async [Symbol.asyncDispose]() {
      for (const each of [cluster, ...faulty]) await each.close()
      await broker.close()
    },
  }
}

interface Chances {
  readonly isLost: () => boolean
  readonly isLostBefore: () => boolean
  readonly isRefused: () => boolean
}

function losing(broker: Broker, { isLost, isLostBefore, isRefused }: Chances): RequestHandler {
  return {
    apiVersions: () => broker.apiVersions(),
    async handle(api, version, request, context) {
      if (api.key === txnOffsetCommit.key && isRefused()) return refusal(request) as never
      if (!isLost()) return broker.handle(api, version, request, context)
      if (isLostBefore()) throw new EvertError('CONNECTION', `${api.name} was lost.`, { retryable: true })
      await broker.handle(api, version, request, context)
      throw new EvertError('CONNECTION', `The answer to ${api.name} was lost.`, { retryable: true })
    },
  }
}

function refusal(request: object) {
  const { topics } = request as RequestOf<typeof txnOffsetCommit>
  return {
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: errorCodes.STALE_MEMBER_EPOCH,
      })),
    })),
  }
}
