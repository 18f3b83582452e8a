import type { RequestContext } from '../../../wire/request-handler.ts'
import type { TaskKey } from './task.ts'

/** Active tasks with the group epoch at which the member got them; standby tasks. */
export interface MemberTasks {
  readonly active: ReadonlyMap<TaskKey, number>
  readonly standby: ReadonlySet<TaskKey>
}

export const noTasks: MemberTasks = { active: new Map(), standby: new Set() }

/**
 * `stable`: has its target, of the group's epoch. `unrevoked`: has to give tasks back first, and keeps its old epoch
 * until it says that it has. `unreleased`: waits for tasks that another member has not given back.
 */
export type MemberState = 'stable' | 'unrevoked' | 'unreleased'

export interface Reconciled {
  readonly state: MemberState
  readonly memberEpoch: number
  readonly assigned: MemberTasks
  /** Tasks that the member was told to give back and has not confirmed. */
  readonly revoking: MemberTasks
}

export type Endpoint = { readonly host: string; readonly port: number }

/** What a member says about itself; kept from its latest heartbeat that said it. */
export interface MemberProfile {
  readonly processId: string
  readonly rackId: string | null
  readonly userEndpoint: Endpoint | null
  readonly clientTags: readonly { readonly key: string; readonly value: string }[]
  readonly rebalanceTimeoutMs: number
  readonly topologyEpoch: number
}

interface SavedTasks {
  readonly active: readonly (readonly [TaskKey, number])[]
  readonly standby: readonly TaskKey[]
}

export interface SavedMember {
  readonly memberId: string
  readonly profile: MemberProfile
  readonly clientId: string
  readonly clientHost: string
  readonly current: Omit<Reconciled, 'assigned' | 'revoking'> & {
    readonly assigned: SavedTasks
    readonly revoking: SavedTasks
  }
  readonly previousEpoch: number
}

export class Member {
  readonly memberId: string
  readonly clientId: string
  readonly clientHost: string
  profile: MemberProfile
  current: Reconciled = { state: 'stable', memberEpoch: 0, assigned: noTasks, revoking: noTasks }
  previousEpoch = 0
  /** What the latest answer said, to tell whether the next one has news. */
  told: MemberTasks = noTasks
  cancelSession: () => void = () => {}
  cancelRebalance: () => void = () => {}

  constructor(memberId: string, profile: MemberProfile, context: Pick<RequestContext, 'clientId' | 'peer'>) {
    this.memberId = memberId
    this.profile = profile
    this.clientId = context.clientId
    this.clientHost = context.peer
  }

  static fromJson(saved: SavedMember): Member {
    const { memberId, profile, clientId, clientHost, current } = saved
    const member = new Member(memberId, profile, { clientId, peer: clientHost })
    const { assigned, revoking } = current
    member.current = { ...current, assigned: tasksFromJson(assigned), revoking: tasksFromJson(revoking) }
    member.previousEpoch = saved.previousEpoch
    return member
  }

  toJson(): SavedMember {
    const { memberId, profile, clientId, clientHost, previousEpoch } = this
    const { assigned, revoking } = this.current
    const current = { ...this.current, assigned: tasksToJson(assigned), revoking: tasksToJson(revoking) }
    return { memberId, profile, clientId, clientHost, current, previousEpoch }
  }

  /** A member in the broker's own process ends with it; any other may live on through a restart of the broker. */
  get outlivesBroker(): boolean {
    return this.clientHost !== 'in-process'
  }

  /** Whether this member runs the active task or has not yet given it back. */
  holdsActive(key: TaskKey): boolean {
    return this.current.assigned.active.has(key) || this.current.revoking.active.has(key)
  }

  holdsStandby(key: TaskKey): boolean {
    return this.current.assigned.standby.has(key) || this.current.revoking.standby.has(key)
  }
}

export function sameTasks(a: MemberTasks, b: MemberTasks): boolean {
  return sameKeys(a.active, b.active) && sameKeys(a.standby, b.standby)
}

interface Keys {
  readonly size: number
  has(key: TaskKey): boolean
  keys(): Iterable<TaskKey>
}

export function sameKeys(a: Keys, b: Keys): boolean {
  if (a.size !== b.size) return false
  for (const key of a.keys()) if (!b.has(key)) return false
  return true
}

function tasksToJson({ active, standby }: MemberTasks): SavedTasks {
  return { active: [...active], standby: [...standby] }
}

function tasksFromJson({ active, standby }: SavedTasks): MemberTasks {
  return { active: new Map(active), standby: new Set(standby) }
}
