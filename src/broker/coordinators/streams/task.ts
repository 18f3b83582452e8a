/** `subtopologyId_partition`: the name of a task inside its group. */
export type TaskKey = string

// A type, not an interface: message types ask for an index signature, which only aliases have.
export type TaskIds = {
  readonly subtopologyId: string
  readonly partitions: number[]
}

export function taskKey(subtopologyId: string, partition: number): TaskKey {
  return `${subtopologyId}_${partition}`
}

export function splitTaskKey(key: TaskKey): { subtopologyId: string; partition: number } {
  const at = key.lastIndexOf('_')
  return { subtopologyId: key.slice(0, at), partition: Number(key.slice(at + 1)) }
}

/** As messages carry tasks: partitions by sub-topology. */
export function groupTasks(keys: Iterable<TaskKey>): TaskIds[] {
  const grouped = new Map<string, number[]>()
  for (const key of keys) {
    const { subtopologyId, partition } = splitTaskKey(key)
    const partitions = grouped.get(subtopologyId)
    if (partitions === undefined) grouped.set(subtopologyId, [partition])
    else partitions.push(partition)
  }
  return [...grouped].map(([subtopologyId, partitions]) => ({
    subtopologyId,
    partitions: partitions.toSorted((a, b) => a - b),
  }))
}

export function taskKeys(tasks: readonly TaskIds[]): Set<TaskKey> {
  return new Set(
    tasks.flatMap(({ subtopologyId, partitions }) => partitions.map(index => taskKey(subtopologyId, index))),
  )
}
