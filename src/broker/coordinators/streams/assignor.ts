/*
 * Which member should run which task.
 *
 * Algorithm. Every member gets the same number of active tasks, give or take one. First tasks stay with the member
 * that has them (of too many, those are let go that came latest from another process here), then they go back to a process
 * that had them, its state may be on its disk, then to the least loaded process and in it the
 * least loaded member. Standby tasks of stateful sub-topologies go to other processes, where they were before if
 * possible, else where least is.
 *
 * State. None: a function of tasks, members and previous owners. Same input, same output.
 *
 * Why it is balanced and sticky. A member takes a task only below its quota, and the quotas add up to the number of
 * tasks, so the last pass always finds room; and no task leaves a member that is within its quota.
 */
import { splitTaskKey, type TaskKey } from './task.ts'

export interface AssignableTask {
  readonly key: TaskKey
  readonly isStateful: boolean
}

export interface AssignableMember {
  readonly memberId: string
  readonly processId: string
  readonly active: ReadonlySet<TaskKey>
  readonly standby: ReadonlySet<TaskKey>
}

export interface Target {
  readonly active: Set<TaskKey>
  readonly standby: Set<TaskKey>
}

/** Where a task has been. */
export interface Residence {
  /** The processes that ran it, the latest first, also when their members have gone. */
  readonly processes: readonly string[]
  /** The group epoch that brought it to the latest. */
  readonly sinceEpoch: number
}

export interface AssignOptions {
  readonly standbyReplicas: number
  readonly residences: ReadonlyMap<TaskKey, Residence>
}

export function assignTasks(
  tasks: readonly AssignableTask[],
  members: readonly AssignableMember[],
  { standbyReplicas, residences }: AssignOptions,
): Map<string, Target> {
  const sorted = members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1))
  const targets = new Map<string, Target>()
  for (const { memberId } of sorted) targets.set(memberId, { active: new Set(), standby: new Set() })
  if (sorted.length === 0) return targets
  const load = new Load(sorted, targets)
  const quota = Math.floor(tasks.length / sorted.length)
  let extras = tasks.length % sorted.length

  const take = (member: AssignableMember, key: TaskKey): boolean => {
    const target = targets.get(member.memberId) as Target
    if (target.active.size > quota || (target.active.size === quota && extras === 0)) return false
    if (target.active.size === quota) extras--
    target.active.add(key)
    return true
  }
  const place = (
    keys: readonly TaskKey[],
    candidates: (key: TaskKey) => readonly AssignableMember[],
  ): TaskKey[] => keys.filter(key => !candidates(key).some(member => take(member, key)))

  const homes = (key: TaskKey): AssignableMember[] =>
    (residences.get(key)?.processes ?? []).flatMap(id => sorted.filter(member => member.processId === id))
  /** 0 for a task that nobody else here had; else the later it came, the sooner it is let go. */
  const looseness = (key: TaskKey): number =>
    new Set(homes(key).map(member => member.processId)).size > 1 ? (residences.get(key)?.sinceEpoch ?? 0) : 0

  const keys = tasks.map(({ key }) => key)
  const loose = new Map(keys.map(key => [key, looseness(key)]))
  // By partition first: who keeps some of its tasks keeps some of every sub-topology, not all of one.
  let left = keys.toSorted(
    (a, b) =>
      (loose.get(a) ?? 0) - (loose.get(b) ?? 0) || splitTaskKey(a).partition - splitTaskKey(b).partition,
  )
  left = place(left, key => sorted.filter(member => member.active.has(key)))
  left = place(left, key => sorted.filter(member => member.standby.has(key)))
  left = place(left, homes)
  // By sub-topology first, for the same reason: each one is dealt out in turn.
  const rest = new Set(left)
  place(
    keys.filter(key => rest.has(key)),
    () => load.ascending(),
  )
  assignStandbys(tasks, sorted, { targets, load, standbyReplicas })
  return targets
}

interface StandbyOptions {
  readonly targets: ReadonlyMap<string, Target>
  readonly load: Load
  readonly standbyReplicas: number
}

function assignStandbys(
  tasks: readonly AssignableTask[],
  members: readonly AssignableMember[],
  { targets, load, standbyReplicas }: StandbyOptions,
): void {
  for (const { key, isStateful } of tasks) {
    if (!isStateful) continue
    const targetOf = (member: AssignableMember): Target => targets.get(member.memberId) as Target
    const used = new Set(members.filter(member => targetOf(member).active.has(key)).map(m => m.processId))
    for (let replica = 0; replica < standbyReplicas; replica++) {
      const free = load.ascending().filter(member => !used.has(member.processId))
      const chosen = free.find(member => member.standby.has(key)) ?? free[0]
      if (chosen === undefined) break
      targetOf(chosen).standby.add(key)
      used.add(chosen.processId)
    }
  }
}

/** Members by the load of their process (per member of it), then by their own. */
class Load {
  readonly #members: readonly AssignableMember[]
  readonly #targets: ReadonlyMap<string, Target>

  constructor(members: readonly AssignableMember[], targets: ReadonlyMap<string, Target>) {
    this.#members = members
    this.#targets = targets
  }

  ascending(): AssignableMember[] {
    const perProcess = new Map<string, { tasks: number; members: number }>()
    for (const member of this.#members) {
      const sum = perProcess.get(member.processId) ?? { tasks: 0, members: 0 }
      perProcess.set(member.processId, {
        tasks: sum.tasks + this.#tasksOf(member),
        members: sum.members + 1,
      })
    }
    const loadOf = (member: AssignableMember): number => {
      const { tasks, members } = perProcess.get(member.processId) as { tasks: number; members: number }
      return tasks / members
    }
    // toSorted is stable: equal loads stay in the order of member ids.
    return this.#members.toSorted((a, b) => loadOf(a) - loadOf(b) || this.#tasksOf(a) - this.#tasksOf(b))
  }

  #tasksOf({ memberId }: AssignableMember): number {
    const target = this.#targets.get(memberId) as Target
    return target.active.size + target.standby.size
  }
}
