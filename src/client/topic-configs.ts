import { describeConfigs } from '../wire/messages/describe-configs.ts'
import { retried } from './admin-calls.ts'
import type { Cluster } from './cluster.ts'

const TOPIC_RESOURCE = 2

/**
 * Some configs of several topics, with one request. A topic that does not exist, or whose configs this client may not
 * read, is left out.
 */
export async function topicConfigs(
  cluster: Cluster,
  topics: readonly string[],
  names: readonly string[],
): Promise<Map<string, Map<string, string | null>>> {
  if (topics.length === 0) return new Map()
  const answer = await retried(cluster, async () => {
    const connection = await cluster.anyConnection()
    return connection.send(describeConfigs, {
      resources: topics.map(resourceName => ({
        resourceType: TOPIC_RESOURCE,
        resourceName,
        configurationKeys: [...names],
      })),
    })
  })
  return new Map(
    answer.results
      .filter(({ errorCode }) => errorCode === 0)
      .map(({ resourceName, configs }) => [
        resourceName,
        new Map(configs.map(({ name, value }) => [name, value])),
      ]),
  )
}
