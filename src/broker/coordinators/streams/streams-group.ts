import type { Clock } from '../../../internal/clock.ts'
import { errorCodes } from '../../../wire/error-codes.ts'
import type { RequestContext } from '../../../wire/request-handler.ts'
import type { JsonValue } from '../../storage/log-storage.ts'
import type { GroupSettings } from '../group-configs.ts'
import type { OffsetToCommit } from '../group-offsets.ts'
import { type AssignableTask, assignTasks, type Residence, type Target } from './assignor.ts'
import { Member, type MemberProfile, type Reconciled, type SavedMember, sameTasks } from './member.ts'
import { type ReconcileInput, reconcile } from './reconcile.ts'
import { type TaskKey, taskKey } from './task.ts'
import {
  type ConfiguredTopology,
  configureTopology,
  type PartitionCount,
  type Problem,
  type Topology,
} from './topology.ts'

export interface StreamsGroupSettings {
  readonly clock: Clock
  /** At this moment: configs of groups may change. */
  readonly settingsOf: (groupId: string) => GroupSettings
}

interface SavedGroup {
  readonly groupEpoch: number
  readonly topology: Topology | null
  readonly residences: readonly (readonly [TaskKey, Residence])[]
  readonly members: readonly SavedMember[]
}

/** Enough for a task to come back to a process that was away for a restart or two. */
const REMEMBERED_PROCESSES = 3

const NO_TOPOLOGY: ConfiguredTopology = { subtopologies: [], internalTopics: [], problem: undefined }

/**
 * One streams group. Durable (`toJson`) are its epoch, so that none is given out twice; its topology; who ran what;
 * and the members outside of this process with their tasks, so that they go on after a restart of the broker as if
 * it had only been slow. Sessions are not: each member gets a new one then.
 */
export class StreamsGroup {
  readonly groupId: string
  readonly #settings: StreamsGroupSettings
  readonly members = new Map<string, Member>()
  groupEpoch = 0
  topology: Topology | undefined
  configured: ConfiguredTopology = NO_TOPOLOGY
  /** Grows with every change of who serves which partitions. */
  endpointEpoch = 0
  /** A member asked all others to stop; holds until the group is empty. */
  shutdownRequested = false
  #targets = new Map<string, Target>()
  #residences = new Map<TaskKey, Residence>()
  #changes = 0
  #savedChanges = 0
  #configuredFrom = ''
  #assignedReplicas = 0

  constructor(groupId: string, settings: StreamsGroupSettings, saved?: JsonValue) {
    this.groupId = groupId
    this.#settings = settings
    if (saved === undefined) return
    const { groupEpoch, topology, residences, members } = saved as unknown as SavedGroup
    // Members in the process that ended are gone: one more epoch sets what follows apart from theirs.
    this.groupEpoch = groupEpoch + 1
    this.topology = topology ?? undefined
    this.#residences = new Map(residences)
    for (const savedMember of members) {
      const member = Member.fromJson(savedMember)
      this.members.set(member.memberId, member)
      this.#restartTimers(member, undefined)
    }
  }

  /** Whether something that must be durable has changed since `markSaved`. */
  get isDirty(): boolean {
    return this.#changes !== this.#savedChanges
  }

  /** What `toJson` is the state of; given to `markSaved` once that is durable. */
  get changes(): number {
    return this.#changes
  }

  markSaved(changes: number): void {
    this.#savedChanges = changes
  }

  toJson(): JsonValue {
    const saved: SavedGroup = {
      groupEpoch: this.groupEpoch,
      topology: this.topology ?? null,
      residences: [...this.#residences],
      members: [...this.members.values()]
        .filter(member => member.outlivesBroker)
        .map(member => member.toJson()),
    }
    return saved as unknown as JsonValue
  }

  get state(): string {
    if (this.members.size === 0) return 'Empty'
    if (this.configured.problem !== undefined) return 'NotReady'
    const isStable = [...this.members.values()].every(
      ({ current }) => current.state === 'stable' && current.memberEpoch === this.groupEpoch,
    )
    return isStable ? 'Stable' : 'Reconciling'
  }

  get settings(): GroupSettings {
    return this.#settings.settingsOf(this.groupId)
  }

  targetOf(memberId: string): Target {
    return this.#targets.get(memberId) ?? { active: new Set(), standby: new Set() }
  }

  /** Takes a joining member in, or a known one again. */
  join(memberId: string, profile: MemberProfile, context: RequestContext): Member {
    const known = this.members.get(memberId)
    if (known !== undefined) return known
    const member = new Member(memberId, profile, context)
    this.members.set(memberId, member)
    this.bump()
    return member
  }

  update(member: Member, profile: MemberProfile): void {
    if (JSON.stringify(profile) === JSON.stringify(member.profile)) return
    if (JSON.stringify(profile.userEndpoint) !== JSON.stringify(member.profile.userEndpoint)) {
      this.endpointEpoch++
    }
    member.profile = profile
    this.bump()
  }

  setTopology(topology: Topology): void {
    this.topology = topology
    this.#configuredFrom = ''
    this.bump()
  }

  /** Looks at the topics and configs again; a change of partitions or standby tasks is a new epoch. */
  configure(count: PartitionCount): void {
    if (this.topology === undefined) return
    if (this.settings.standbyReplicas !== this.#assignedReplicas) this.bump()
    const topics = new Set(
      this.topology.subtopologies.flatMap(sub => [
        ...sub.sourceTopics,
        ...sub.repartitionSourceTopics.map(({ name }) => name),
        ...sub.stateChangelogTopics.map(({ name }) => name),
      ]),
    )
    const seen = JSON.stringify([...topics].map(topic => [topic, count(topic) ?? null]))
    if (seen === this.#configuredFrom) return
    this.#configuredFrom = seen
    const before = JSON.stringify(this.configured)
    this.configured = configureTopology(this.topology, count)
    if (JSON.stringify(this.configured) !== before) this.bump()
  }

  /** There are no tasks until the topics change. */
  fail(problem: Problem): void {
    this.configured = { ...NO_TOPOLOGY, problem }
    this.bump()
  }

  remove(member: Member): void {
    member.cancelSession()
    member.cancelRebalance()
    this.members.delete(member.memberId)
    this.endpointEpoch++
    if (this.members.size === 0) this.shutdownRequested = false
    this.bump()
  }

  /** A new group epoch with a new target for everyone. */
  bump(): void {
    this.groupEpoch++
    this.#changes++
    this.#assignedReplicas = this.settings.standbyReplicas
    const tasks: AssignableTask[] = this.configured.subtopologies.flatMap(({ id, tasks, isStateful }) =>
      Array.from({ length: tasks }, (_, partition) => ({ key: taskKey(id, partition), isStateful })),
    )
    const members = [...this.members.values()].filter(member => !this.isStale(member))
    this.#targets = assignTasks(
      tasks,
      members.map(({ memberId, profile, current }) => ({
        memberId,
        processId: profile.processId,
        // What it was to get counts as what it has: it may be waiting for it.
        active: this.#targets.get(memberId)?.active ?? new Set(current.assigned.active.keys()),
        standby: this.#targets.get(memberId)?.standby ?? current.assigned.standby,
      })),
      { standbyReplicas: this.#assignedReplicas, residences: this.#residences },
    )
    for (const [memberId, { active }] of this.#targets) {
      const { processId } = (this.members.get(memberId) as Member).profile
      for (const key of active) {
        const before = this.#residences.get(key)?.processes ?? []
        if (before[0] === processId) continue
        const processes = [processId, ...before.filter(id => id !== processId)].slice(0, REMEMBERED_PROCESSES)
        this.#residences.set(key, { processes, sinceEpoch: this.groupEpoch })
      }
    }
  }

  /** A member of another topology than the group's gets no tasks. */
  isStale(member: Member): boolean {
    return member.profile.topologyEpoch !== (this.topology?.epoch ?? 0)
  }

  /** One step of the member towards its target; restarts its timers. */
  advance(member: Member, owned: ReconcileInput['owned']): void {
    const before = member.current
    const others = [...this.members.values()].filter(other => other !== member)
    const neighbours = others.filter(({ profile }) => profile.processId === member.profile.processId)
    const after = reconcile(before, {
      target: this.targetOf(member.memberId),
      targetEpoch: this.groupEpoch,
      owned,
      // Two tasks of one process would share the same state directory, even if one is a standby.
      isActiveHeld: key =>
        others.some(other => other.holdsActive(key)) || neighbours.some(other => other.holdsStandby(key)),
      isStandbyHeld: key => neighbours.some(other => other.holdsActive(key) || other.holdsStandby(key)),
    })
    member.current = after
    if (after.memberEpoch !== before.memberEpoch) member.previousEpoch = before.memberEpoch
    if (after !== before && member.outlivesBroker) this.#changes++
    if (!sameTasks(after.assigned, before.assigned)) this.endpointEpoch++
    this.#restartTimers(member, before)
  }

  /** 0 when the member may commit these offsets with this epoch. Mirrors Kafka's StreamsGroup.validateOffsetCommit. */
  refuseCommit(
    memberId: string,
    memberEpoch: number,
    isTransactional: boolean,
    offsets: readonly OffsetToCommit[],
  ) {
    if (memberEpoch < 0 && this.members.size === 0) return 0
    if (isTransactional && memberEpoch === -1 && memberId === '') return 0
    const member = this.members.get(memberId)
    if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID
    if (memberEpoch === member.current.memberEpoch) return 0
    const stale = isTransactional ? errorCodes.ILLEGAL_GENERATION : errorCodes.STALE_MEMBER_EPOCH
    if (memberEpoch > member.current.memberEpoch) return stale
    // The answer with the newer epoch may still be on its way: an older one counts for tasks held since (KIP-1251).
    return offsets.every(offset => this.#heldSince(member, offset) <= memberEpoch) ? 0 : stale
  }

  #heldSince({ current }: Member, { topic, partition }: OffsetToCommit): number {
    for (const { id, inputs } of this.configured.subtopologies) {
      if (!inputs.some(input => input.topic === topic)) continue
      const key = taskKey(id, partition)
      const epoch = current.assigned.active.get(key) ?? current.revoking.active.get(key)
      if (epoch !== undefined) return epoch
    }
    return Number.POSITIVE_INFINITY
  }

  #restartTimers(member: Member, before: Reconciled | undefined): void {
    const { clock } = this.#settings
    const { sessionTimeoutMs } = this.settings
    member.cancelSession()
    member.cancelSession = clock.schedule(sessionTimeoutMs, () => this.remove(member))
    const { state, memberEpoch } = member.current
    const wasWaiting = before?.state === 'unrevoked' && before.memberEpoch === memberEpoch
    if (state === 'unrevoked' && wasWaiting) return
    member.cancelRebalance()
    if (state !== 'unrevoked') return
    member.cancelRebalance = clock.schedule(member.profile.rebalanceTimeoutMs, () => this.remove(member))
  }
}
