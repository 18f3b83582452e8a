import { type Cluster, type ClusterOptions, openCluster as openAnyCluster } from '../client/cluster.ts'
import { registerEmbeddedLogs } from './clusters.ts'
import { requireClusterOptions } from './option-rules.ts'

/**
 * Opens a cluster: `file:DIRECTORY` (the embedded log on disk; started here, or found in the process that has it
 * open), `memory:` (one that is gone when it is closed), `kafka://host:port[,host:port…]`. Close it when done.
 * Throws INVALID_CLUSTER_URL; CONNECTION, also when it cannot listen; DIRECTORY_IN_USE, also when a listener is asked
 * for and another process has the log; INVALID_ARGUMENT for an option that does not exist or has
 * a value that it cannot have, for a listener of a `kafka:` cluster, or another one than the
 * log has that this process has open.
 *
 * @example
 * await using cluster = await openCluster('file:./data', { listener: { port: 9092 } })
 * const { brokers } = await describeCluster(cluster) // [{ nodeId: 1, host: '127.0.0.1', port: 9092 }]
 */
export async function openCluster(url: string, options: ClusterOptions = {}): Promise<Cluster> {
  requireClusterOptions(options)
  registerEmbeddedLogs()
  return openAnyCluster(url, options)
}
