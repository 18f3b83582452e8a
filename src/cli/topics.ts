import { openCluster } from '../app/open-cluster.ts'
import { listTopics } from '../client/admin.ts'
import type { Command } from './command.ts'
import { table } from './table.ts'

export const topics: Command = {
  name: 'topics',
  summary: 'Lists the topics of a cluster.',
  positionals: [],
  options: [],
  details: '',
  async run(_given, url, { out }) {
    await using cluster = await openCluster(url)
    const found = (await listTopics(cluster)).toSorted((a, b) => (a.name < b.name ? -1 : 1))
    out(
      table([
        ['TOPIC', 'PARTITIONS'],
        ...found.map(({ name, partitions }) => [name, String(partitions.length)]),
      ]),
    )
  },
}
