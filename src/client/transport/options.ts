import type { Clock } from '../../internal/clock.ts'

/** Where a log that this process embeds listens for Kafka clients, and for other processes that open it. */
export interface ClusterListener {
  /** Address to listen on. Default 127.0.0.1: only this machine. */
  readonly host?: string
  /** Default 0: any free port; describeCluster tells which. */
  readonly port?: number
  /** The host that clients are told, when they reach it by another name. Default: `host`. */
  readonly advertisedHost?: string
}

export interface TransportOptions {
  readonly clientId: string
  readonly clock: Clock
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  /** Only of a cluster that this process embeds: a transport that cannot listen refuses it. */
  readonly listener?: ClusterListener
  /** Told what an operator should know of the connection to a log that another process has open. */
  readonly warn?: (message: string) => void
}
