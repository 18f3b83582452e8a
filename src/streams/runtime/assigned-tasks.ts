import type { StreamsAssignment } from '../../client/group/streams-protocol.ts'
import type { HostedTask } from './hosted-task.ts'

/** Ids of the tasks that the group gives to this member. */
export function taskIds({ active }: StreamsAssignment): Set<string> {
  return new Set(
    active.flatMap(({ subtopologyId, partitions }) => partitions.map(each => `${subtopologyId}_${each}`)),
  )
}

/** What this member tells the group to have. */
export function ownedBy(tasks: Iterable<HostedTask>): StreamsAssignment {
  const bySubTopology = new Map<string, number[]>()
  for (const { subTopology, partition } of tasks) {
    const id = String(subTopology.id)
    const partitions = bySubTopology.get(id)
    if (partitions === undefined) bySubTopology.set(id, [partition])
    else partitions.push(partition)
  }
  const active = Array.from(bySubTopology, ([subtopologyId, partitions]) => ({ subtopologyId, partitions }))
  return { active, standby: [], warmup: [] }
}
