import type { StreamsAssignment, TaskIds } from '../../client/group/streams-protocol.ts'
import type { SubTopology } from '../graph/topology.ts'

/** Ids (`<sub-topology>_<partition>`) of the tasks that the group gives to this member. */
export interface TargetTasks {
  readonly active: ReadonlySet<string>
  /** Tasks that are kept warm here, until a member dies or until they become active here. */
  readonly standby: ReadonlySet<string>
}

export const NO_TASKS: TargetTasks = { active: new Set(), standby: new Set() }

export function taskIds({ active, standby, warmup }: StreamsAssignment): TargetTasks {
  return { active: idsOf(active), standby: idsOf([...standby, ...warmup]) }
}

interface HeldTask {
  readonly id: string
  readonly subTopology: SubTopology
  readonly partition: number
}

/** What this member tells the group to have. It knows of a standby task what the group calls it: `assigned` says so. */
export function ownedBy(
  held: { readonly active: Iterable<HeldTask>; readonly standby: Iterable<HeldTask> },
  assigned: StreamsAssignment | undefined,
): StreamsAssignment {
  const warming = idsOf(assigned?.warmup ?? [])
  const standby = [...held.standby]
  return {
    active: bySubTopology(held.active),
    standby: bySubTopology(standby.filter(({ id }) => !warming.has(id))),
    warmup: bySubTopology(standby.filter(({ id }) => warming.has(id))),
  }
}

function idsOf(tasks: readonly TaskIds[]): Set<string> {
  return new Set(
    tasks.flatMap(({ subtopologyId, partitions }) => partitions.map(each => `${subtopologyId}_${each}`)),
  )
}

function bySubTopology(tasks: Iterable<HeldTask>): TaskIds[] {
  const found = new Map<string, number[]>()
  for (const { subTopology, partition } of tasks) {
    const id = String(subTopology.id)
    const partitions = found.get(id)
    if (partitions === undefined) found.set(id, [partition])
    else partitions.push(partition)
  }
  return Array.from(found, ([subtopologyId, partitions]) => ({ subtopologyId, partitions }))
}
