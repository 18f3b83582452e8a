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
}

/** The leaders that a producer sends to: where they are, whether they can be reached, how busy they are. */
export class ProduceNodes {
  readonly #options: ProduceNodesOptions
  readonly #nodes = new Map<number, ProduceNode>()
  #isRefreshing = false
  #refreshFailures = 0

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
      .then(() => wake())
      .then(done, done)
  }

  /** A leader took something: the next refresh need not wait for long. */
  onSuccess(): void {
    this.#refreshFailures = 0
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
