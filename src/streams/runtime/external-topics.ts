import { createTopics, type NewTopic } from '../../client/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import type { Topology } from '../graph/topology.ts'
import type { Logger } from './logger.ts'

/**
 * Makes the topics that the topology reads and writes where they are missing, as they were declared. Those that are
 * there stay as they are. So are the topics of dead letters, with the broker's number of partitions. (Internal topics are made by the group's coordinator.)
 */
export async function createExternalTopics(
  cluster: Cluster,
  { topics }: Topology,
  { letters, logger }: { readonly letters: readonly string[]; readonly logger: Logger },
): Promise<void> {
  const declared = topics.map(({ name, partitions, configs }) => ({ name, partitions, configs }))
  const others = letters.filter(letter => !topics.some(({ name }) => name === letter)).map(name => ({ name }))
  const wanted: NewTopic[] = [...declared, ...others]
  if (wanted.length === 0) return
  for (const { name, result } of await createTopics(cluster, wanted)) {
    if (result === 'created') logger.info(`Created the topic "${name}".`)
  }
}
