import { openCluster } from '../app/open-cluster.ts'
import { listGroups } from '../client/groups.ts'
import type { Command } from './command.ts'
import { table } from './table.ts'

export const groups: Command = {
  name: 'groups',
  summary: 'Lists the groups of a cluster; that of an application has its id as name.',
  positionals: [],
  options: [],
  details: '',
  async run(_given, url, { out }) {
    await using cluster = await openCluster(url)
    const found = await listGroups(cluster)
    out(
      table([['GROUP', 'TYPE', 'STATE'], ...found.map(({ groupId, type, state }) => [groupId, type, state])]),
    )
  },
}
