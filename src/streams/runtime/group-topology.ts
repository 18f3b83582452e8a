import type { StreamsTopology } from '../../client/group/streams-protocol.ts'
import type { InternalTopic, SubTopology, Topology } from '../graph/topology.ts'

/** The topology as a streams group's coordinator wants it: it makes the internal topics and assigns the tasks. */
export function groupTopology(topology: Topology): StreamsTopology {
  return {
    epoch: 0,
    subtopologies: topology.subTopologies.map(sub => ({
      subtopologyId: String(sub.id),
      sourceTopics: [...sub.sourceTopics],
      sourceTopicRegex: [],
      stateChangelogTopics: sub.stores.flatMap(({ changelog }) =>
        changelog === undefined || changelog.isSource
          ? []
          : [{ ...UNDECIDED, name: changelog.topic, topicConfigs: configsOf(changelog.configs) }],
      ),
      repartitionSinkTopics: [...sub.repartitionSinks],
      repartitionSourceTopics: sub.repartitionSources.map(topic => ({
        ...UNDECIDED,
        name: topic.name,
        partitions: topic.partitions ?? UNDECIDED.partitions,
        topicConfigs: configsOf(topic.configs),
      })),
      copartitionGroups: sub.coPartitionGroups.map(group => copartition(sub, group)),
    })),
  }
}

/** The coordinator decides. */
const UNDECIDED = { partitions: 0, replicationFactor: 0 }

function configsOf(configs: InternalTopic['configs']): { key: string; value: string }[] {
  return Object.entries(configs)
    .map(([key, value]) => ({ key, value }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

/** Topics are named by their places in the two lists. */
function copartition(sub: SubTopology, group: readonly string[]) {
  const places = (topics: readonly string[]) =>
    group.map(topic => topics.indexOf(topic)).filter(index => index >= 0)
  return {
    sourceTopics: places(sub.sourceTopics),
    sourceTopicRegex: [],
    repartitionSourceTopics: places(sub.repartitionSources.map(topic => topic.name)),
  }
}
