/*
 * One step of a member towards its target (after Kafka's CurrentAssignmentBuilder).
 *
 * Algorithm. Tasks that the target does not have are taken away first; the member keeps its epoch until a heartbeat
 * lists none of them any more. Then it gets the group's epoch and those new tasks that nobody else holds; for the
 * rest it waits, and asks again with each heartbeat.
 *
 * State. The member's epoch, assigned and revoking tasks; see Reconciled.
 *
 * Why it is correct. A task is handed out only when no other member has it among its assigned or revoking tasks, and
 * a task leaves "revoking" only by its member's own word or by the member's removal.
 */
import type { Target } from './assignor.ts'
import { type MemberTasks, noTasks, type Reconciled } from './member.ts'
import type { TaskKey } from './task.ts'

export interface ReconcileInput {
  readonly target: Target
  readonly targetEpoch: number
  /** What the member says it runs; undefined when it did not say. */
  readonly owned:
    | { readonly active: ReadonlySet<TaskKey>; readonly standby: ReadonlySet<TaskKey> }
    | undefined
  /** Whether somebody else still holds what the member would get. */
  isActiveHeld(key: TaskKey): boolean
  isStandbyHeld(key: TaskKey): boolean
}

export function reconcile(current: Reconciled, input: ReconcileInput): Reconciled {
  const { owned, targetEpoch } = input
  if (current.state === 'stable' && current.memberEpoch === targetEpoch) return current
  if (current.state !== 'unrevoked') return next(current, input)
  if (owned === undefined || ownsAny(owned, current.revoking)) return current
  return next({ ...current, revoking: noTasks }, input)
}

function next({ memberEpoch, assigned }: Reconciled, input: ReconcileInput): Reconciled {
  const { target, targetEpoch, owned } = input
  const kept: MemberTasks = {
    active: new Map([...assigned.active].filter(([key]) => target.active.has(key))),
    standby: new Set([...assigned.standby].filter(key => target.standby.has(key))),
  }
  const revoking: MemberTasks = {
    active: new Map([...assigned.active].filter(([key]) => !target.active.has(key))),
    standby: new Set([...assigned.standby].filter(key => !target.standby.has(key))),
  }
  const isEmpty = revoking.active.size === 0 && revoking.standby.size === 0
  if (!isEmpty && (owned === undefined || ownsAny(owned, revoking))) {
    return { state: 'unrevoked', memberEpoch, assigned: kept, revoking }
  }
  const active = new Map(kept.active)
  const standby = new Set(kept.standby)
  let waits = false
  for (const key of target.active) {
    if (active.has(key)) continue
    if (input.isActiveHeld(key)) waits = true
    else active.set(key, targetEpoch)
  }
  for (const key of target.standby) {
    if (standby.has(key)) continue
    if (input.isStandbyHeld(key)) waits = true
    else standby.add(key)
  }
  return {
    state: waits ? 'unreleased' : 'stable',
    memberEpoch: targetEpoch,
    assigned: { active, standby },
    revoking: noTasks,
  }
}

function ownsAny(owned: NonNullable<ReconcileInput['owned']>, tasks: MemberTasks): boolean {
  for (const key of tasks.active.keys()) if (owned.active.has(key)) return true
  for (const key of tasks.standby) if (owned.standby.has(key)) return true
  return false
}
