import { openCluster } from '../app/open-cluster.ts'
import { listOffsets } from '../client/admin.ts'
import { knownApplication } from '../streams/rewind/known-application.ts'
import { memberInWords } from '../streams/rewind/stop-instances.ts'
import type { Command } from './command.ts'
import { table } from './table.ts'

export const describe: Command = {
  name: 'describe',
  summary: 'Shows how far an application has read its inputs, and who runs it.',
  positionals: ['APP'],
  options: [],
  details: 'LAG is the number of offsets that it has not committed yet.',
  async run({ positionals: [applicationId = ''] }, url, { out }) {
    await using cluster = await openCluster(url)
    const { group, inputs, committed } = await knownApplication(cluster, applicationId)
    const places = [...inputs].flatMap(([topic, count]) =>
      Array.from({ length: count }, (_, partition) => ({ topic, partition })),
    )
    const at = (position: 'earliest' | 'latest') =>
      listOffsets(
        cluster,
        places.map(place => ({ ...place, at: position })),
      )
    const [starts, ends] = await Promise.all([at('earliest'), at('latest')])
    const rows = places.map(({ topic, partition }, i) => {
      const place = committed.find(each => each.topic === topic && each.partition === partition)
      const end = ends[i]?.offset ?? 0
      const next = place?.offset ?? starts[i]?.offset ?? 0
      return [
        topic,
        String(partition),
        String(place?.offset ?? '-'),
        String(end),
        String(Math.max(0, end - next)),
      ]
    })
    const members = group?.members ?? []
    out(`Group ${applicationId}: ${group === undefined ? 'none' : `${group.type}, ${group.state}`}`)
    for (const member of members) out(`  ${memberInWords(member)}`)
    out(table([['TOPIC', 'PARTITION', 'COMMITTED', 'END', 'LAG'], ...rows]))
  },
}
