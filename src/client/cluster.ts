import type { Clock } from '../internal/clock.ts'
import type { Connection, Transport } from './connection.ts'

export interface ClusterOptions {
  /** Name under which the broker sees this client. Default `evert`. */
  readonly clientId?: string
  readonly clock?: Clock
  /** 0 to 1; jitter of backoffs. Default Math.random. */
  readonly random?: () => number
  /** Default 10 000. */
  readonly connectTimeoutMs?: number
  /** Default 30 000. */
  readonly requestTimeoutMs?: number
  /** First wait before a retry; doubles up to `retryBackoffMaxMs`. Default 20. */
  readonly retryBackoffMs?: number
  /** Default 1000. */
  readonly retryBackoffMaxMs?: number
}

/** Makes the transport of a URL with a registered scheme. */
export type TransportFactory = (url: string, options: ClusterOptions) => Promise<Transport>

/**
 * Opens a cluster: `kafka://host:port[,host:port…]` over TCP; other schemes (`file:DIR`, `memory:`) once the
 * composition root has registered them. Resolves when a node has answered. Throws INVALID_CLUSTER_URL.
 */
export declare function openCluster(url: string, options?: ClusterOptions): Promise<Cluster>

/** Makes `scheme:` a cluster URL. */
export declare function registerTransport(scheme: string, factory: TransportFactory): void

/** A cluster over a transport that the caller made: tests, simulations. `close()` closes the transport too. */
export declare function clusterFromTransport(transport: Transport, options?: ClusterOptions): Cluster

/** Leaders, topic ids and coordinators of one cluster, and connections to its nodes. Producers, fetchers and members share it. */
export declare class Cluster implements AsyncDisposable {
  readonly clock: Clock
  readonly clientId: string
  /** Number of partitions; throws KAFKA UNKNOWN_TOPIC_OR_PARTITION when the topic does not exist after a refresh. */
  partitionsOf(topic: string): Promise<number>
  /** A connection of the cluster's own pool to any node, for short requests. */
  anyConnection(): Promise<Connection>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
