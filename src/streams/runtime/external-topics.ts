import { createTopics } from '../../client/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import type { Topology } from '../graph/topology.ts'
import type { Logger } from './logger.ts'

/**
 * Makes the topics that the topology reads and writes where they are missing, as they were declared. Those that are
 * there stay as they are. (Internal topics are made by the group's coordinator.)
 */
export async function createExternalTopics(
  cluster: Cluster,
  { topics }: Topology,
  logger: Logger,
): Promise<void> {
  if (topics.length === 0) return
  const wanted = topics.map(({ name, partitions, configs }) => ({ name, partitions, configs }))
  for (const { name, result } of await createTopics(cluster, wanted)) {
    if (result === 'created') logger.info(`Created the topic "${name}".`)
  }
}
