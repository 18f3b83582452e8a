import type { Cluster } from './cluster.ts'
import type { NodeConnections } from './node-connections.ts'
import type { PartitionQueue } from './partition-queue.ts'
import { backoffMs, isChannelError } from './retry.ts'

export interface ProduceNode {
  readonly nodeId: number
  /** Requests without an answer. */
  inFlight: number
  isConnecting: boolean
}

export interface ProduceNodesOptions {
  readonly cluster: Cluster
  readonly connections: NodeConnections
  readonly maxInFlight: number
  /** Their topics are asked for together. */
  readonly active: ReadonlySet<PartitionQueue>
  /** Something changed: ask again. */
  readonly wake: () => void
  /** Told once when the cluster says that a topic does not exist (any more). */
  readonly onMissing: (topic: string) => void
}

/** The leaders that a producer sends to: where they are, whether they can be reached, how busy they are. */
export class ProduceNodes {
  readonly #options: ProduceNodesOptions
  readonly #nodes = new Map<number, ProduceNode>()
  #isRefreshing = false
  #refreshFailures = 0
  /** By topic that does not exist: since when that is known. */
  readonly #missing = new Map<string, number>()

  constructor(options: ProduceNodesOptions) {
    this.#options = options
  }

  /** The node to send to now; starts what is missing (metadata, connection) and answers undefined otherwise. */
  readyLeader({ topic, partition }: PartitionQueue): ProduceNode | undefined {
    const { cluster, connections, maxInFlight } = this.#options
    const nodeId = cluster.metadata.leaderOf(topic, partition)
    if (nodeId < 0) {
      this.refresh(topic)
      return undefined
    }
    let node = this.#nodes.get(nodeId)
    if (node === undefined) {
      node = { nodeId, inFlight: 0, isConnecting: false }
      this.#nodes.set(nodeId, node)
    }
    if (node.inFlight >= maxInFlight) return undefined
    if (connections.peek(nodeId) !== undefined) return node
    if (!node.isConnecting) this.#connect(node, topic)
    return undefined
  }

  /** One refresh at a time, followed by a pass; after a failure or while a leader is missing, with growing pauses. */
  refresh(topic: string): void {
    if (this.#isRefreshing) return
    this.#isRefreshing = true
    const { cluster, active, wake } = this.#options
    const done = (): void => {
      cluster.clock.schedule(backoffMs(cluster.backoff, this.#refreshFailures++), () => {
        this.#isRefreshing = false
        wake()
      })
    }
    const topics = new Set([topic])
    for (const queue of active) topics.add(queue.topic)
    cluster.metadata
      .refresh([...topics])
      .then(() => {
        for (const each of topics) this.#look(each)
        wake()
      })
      .then(done, done)
  }

  /** How long the cluster has said that the topic does not exist; 0 when it exists, or nobody asked. */
  missingForMs(topic: string): number {
    const sinceMs = this.#missing.get(topic)
    return sinceMs === undefined ? 0 : this.#options.cluster.clock.elapsedMs() - sinceMs
  }

  /** A leader took something: the next refresh need not wait for long. */
  onSuccess(): void {
    this.#refreshFailures = 0
  }

  #look(topic: string): void {
    const { cluster, onMissing } = this.#options
    if (cluster.metadata.topic(topic) !== undefined) {
      this.#missing.delete(topic)
    } else if (!this.#missing.has(topic)) {
      this.#missing.set(topic, cluster.clock.elapsedMs())
      onMissing(topic)
    }
  }

  #connect(node: ProduceNode, topic: string): void {
    const { connections, wake } = this.#options
    node.isConnecting = true
    connections.get(node.nodeId).then(
      () => {
        node.isConnecting = false
        wake()
      },
      error => {
        node.isConnecting = false
        if (isChannelError(error)) this.refresh(topic)
      },
    )
  }
}
