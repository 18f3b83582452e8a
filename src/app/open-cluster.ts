import { type Cluster, type ClusterOptions, openCluster as openAnyCluster } from '../client/cluster.ts'
import { registerEmbeddedLogs } from './clusters.ts'

/**
 * Opens a cluster: `file:DIRECTORY` (the embedded log on disk; started here, or found in the process that has it
 * open), `memory:` (one that is gone when it is closed), `kafka://host:port[,host:port…]`. Close it when done.
 * Throws INVALID_CLUSTER_URL, CONNECTION, DIRECTORY_IN_USE.
 *
 * @example
 * await using cluster = await openCluster('file:./data')
 */
export function openCluster(url: string, options: ClusterOptions = {}): Promise<Cluster> {
  registerEmbeddedLogs()
  return openAnyCluster(url, options)
}
