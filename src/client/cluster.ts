import { EvertError } from '../errors.ts'
import { type Clock, systemClock } from '../internal/clock.ts'
import { type MetricFamily, MetricSheet } from '../internal/metric.ts'
import { ClientCounts } from './client-counts.ts'
import type { BrokerAddress, Connection, Transport } from './connection.ts'
import { type CoordinatorKind, lookUpCoordinator } from './coordinator.ts'
import { Metadata } from './metadata.ts'
import { NodeConnections } from './node-connections.ts'
import type { Backoff } from './retry.ts'
import type { ClusterListener, TransportOptions } from './transport/options.ts'
import { tcpTransport } from './transport/tcp.ts'

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
  /** Topics in use are asked for again after this. Default 300 000. */
  readonly metadataMaxAgeMs?: number
  /**
   * Where Kafka clients reach a log that is opened in this process. Default: `file:` listens on any free port of this
   * machine, `memory:` does not listen. The address is that of the broker in describeCluster.
   */
  readonly listener?: ClusterListener
  /**
   * Of a `file:` log that another process has open: told when that one goes out of reach and when it, or another one,
   * is back. Default: nobody.
   */
  readonly warn?: (message: string) => void
}

/** Makes the transport of a URL with a registered scheme. `options` are complete. */
export type TransportFactory = (url: string, options: TransportOptions) => Promise<Transport>

const factories = new Map<string, TransportFactory>([['kafka', kafkaTransport]])

/** Makes `scheme:` a cluster URL. */
export function registerTransport(scheme: string, factory: TransportFactory): void {
  factories.set(scheme, factory)
}

/**
 * Opens a cluster: `kafka://host:port[,host:port…]` over TCP; other schemes (`file:DIR`, `memory:`) once the
 * composition root has registered them. Resolves when a node has answered. Throws INVALID_CLUSTER_URL, CONNECTION, and
 * INVALID_ARGUMENT for a listener where none can be had.
 */
export async function openCluster(url: string, options: ClusterOptions = {}): Promise<Cluster> {
  const scheme = /^([a-z][a-z0-9+.-]*):/.exec(url)?.[1] ?? ''
  const factory = factories.get(scheme)
  if (factory === undefined) throw invalidUrl(url, `"${scheme}:" names no transport`)
  const transport = await factory(url, transportOptions(options))
  const cluster = new Cluster(transport, options, url)
  try {
    await cluster.metadata.refresh([])
    return cluster
  } catch (error) {
    await cluster.close()
    throw error
  }
}

/** A cluster over a transport that the caller made: tests, simulations. `close()` closes the transport too. */
export function clusterFromTransport(transport: Transport, options: ClusterOptions = {}): Cluster {
  return new Cluster(transport, options)
}

/** Client options with every default filled in, as a transport wants them. */
export function transportOptions(options: ClusterOptions = {}): TransportOptions {
  return {
    clientId: options.clientId ?? 'evert',
    clock: options.clock ?? systemClock,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    ...(options.listener !== undefined && { listener: options.listener }),
    ...(options.warn !== undefined && { warn: options.warn }),
  }
}

/**
 * Leaders, topic ids and coordinators of one cluster, and connections to its nodes. Producers, fetchers and members
 * share it; each has connections of its own. close() does not close them: close those first.
 */
export class Cluster implements AsyncDisposable {
  readonly clock: Clock
  readonly backoff: Backoff
  readonly requestTimeoutMs: number
  readonly metadata: Metadata
  /** What it was opened with; undefined over a transport that the caller made. */
  readonly url: string | undefined
  /** Of everything that uses this cluster. */
  readonly counts = new ClientCounts()
  readonly #transport: Transport
  readonly #connections: NodeConnections
  readonly #coordinators = new Map<string, Promise<number>>()
  #closed: Promise<void> | undefined

  constructor(transport: Transport, options: ClusterOptions, url?: string) {
    this.url = url
    const { clock, requestTimeoutMs } = transportOptions(options)
    this.clock = clock
    this.requestTimeoutMs = requestTimeoutMs
    this.backoff = {
      clock,
      random: options.random ?? Math.random,
      firstMs: options.retryBackoffMs ?? 20,
      maxMs: options.retryBackoffMaxMs ?? 1000,
    }
    this.#transport = transport
    this.metadata = new Metadata(() => this.anyConnection(), clock, options.metadataMaxAgeMs ?? 300_000)
    this.#connections = this.openConnections()
  }

  /** Number of partitions; throws KAFKA UNKNOWN_TOPIC_OR_PARTITION when the topic does not exist after a refresh. */
  async partitionsOf(topic: string): Promise<number> {
    return (await this.metadata.require(topic)).leaders.length
  }

  /** A connection of the cluster's own, for short requests to any node. */
  anyConnection(): Promise<Connection> {
    return this.#connections.any()
  }

  /** The cluster's own connections, for short requests to certain nodes. */
  get connections(): NodeConnections {
    return this.#connections
  }

  /** Connections for one component, which closes them. */
  openConnections(): NodeConnections {
    const { backoff, counts } = this
    return new NodeConnections(this.#transport, () => this.metadata.nodes(), { backoff, counts })
  }

  /** The node that coordinates a group or a transactional id; remembered until forgetCoordinator. */
  coordinatorOf(kind: CoordinatorKind, key: string): Promise<number> {
    const slot = `${kind}/${key}`
    let known = this.#coordinators.get(slot)
    if (known === undefined) {
      known = this.#findCoordinator(kind, key)
      this.#coordinators.set(slot, known)
      known.catch(() => this.#coordinators.delete(slot))
    }
    return known
  }

  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.delete(`${kind}/${key}`)
  }

  /** What this client counted since it was opened, and the broker too where it is in this process. */
  metrics(): MetricFamily[] {
    const sheet = new MetricSheet()
    this.report(sheet)
    return sheet.families()
  }

  /** The same, for a larger sheet. */
  report(sheet: MetricSheet): void {
    this.counts.report(sheet)
    this.#transport.report?.(sheet)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #findCoordinator(kind: CoordinatorKind, key: string): Promise<number> {
    const { nodeId, host, port } = await lookUpCoordinator(await this.anyConnection(), kind, key)
    this.metadata.addNode(nodeId, { host, port })
    return nodeId
  }

  async #close(): Promise<void> {
    this.metadata.close()
    await this.#connections.close()
    await this.#transport.close()
  }
}

async function kafkaTransport(url: string, options: TransportOptions): Promise<Transport> {
  const addresses = parseAddresses(url)
  if (options.listener === undefined) return tcpTransport(addresses, options)
  throw new EvertError(
    'INVALID_ARGUMENT',
    `A listener is of a log that is opened here (file:, memory:); the brokers of "${url}" have their own.`,
  )
}

function parseAddresses(url: string): BrokerAddress[] {
  const rest = url.slice('kafka://'.length).replace(/\/$/, '')
  if (!url.startsWith('kafka://') || rest === '') throw invalidUrl(url, 'it names no broker')
  return rest.split(',').map(part => {
    const match = /^(\[[0-9a-fA-F:.]+\]|[^\s:/@?#[\]]+):(\d{1,5})$/.exec(part.trim())
    const port = Number(match?.[2])
    if (match === null || port < 1 || port > 65_535) throw invalidUrl(url, `"${part}" is not host:port`)
    return { host: (match[1] as string).replace(/^\[|\]$/g, ''), port }
  })
}

function invalidUrl(url: string, why: string): EvertError {
  const forms = [...factories.keys()].map(scheme =>
    scheme === 'kafka'
      ? 'kafka://host:port[,host:port]'
      : scheme === 'file'
        ? 'file:DIRECTORY'
        : `${scheme}:`,
  )
  return new EvertError(
    'INVALID_CLUSTER_URL',
    `"${url}" is no cluster URL: ${why}. Use ${forms.join(' or ')}.`,
  )
}
