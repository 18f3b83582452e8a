import { errorCodes } from '../../../wire/error-codes.ts'
import type { Message, MessageInput } from '../../../wire/field.ts'
import type { streamsGroupHeartbeat } from '../../../wire/messages/streams-group-heartbeat.ts'
import type { RequestContext } from '../../../wire/request-handler.ts'
import type { LogStorage } from '../../storage/log-storage.ts'
import type { OffsetToCommit } from '../group-offsets.ts'
import { heartbeatAnswer } from './heartbeat-answer.ts'
import { type Member, type MemberProfile, sameKeys } from './member.ts'
import { refuseHeartbeat } from './refuse-heartbeat.ts'
import { StreamsGroup, type StreamsGroupSettings } from './streams-group.ts'
import { taskKeys } from './task.ts'
import { groupStatus, type InternalTopic, type Topology } from './topology.ts'

export type HeartbeatRequest = Message<typeof streamsGroupHeartbeat.request.fields>
export type HeartbeatAnswer = MessageInput<typeof streamsGroupHeartbeat.response.fields>

export interface StreamsGroupsOptions extends StreamsGroupSettings {
  readonly storage: LogStorage
  /** Makes an internal topic; what is wrong if it cannot be made. */
  readonly createTopic: (topic: InternalTopic) => Promise<string | undefined>
}

const PREFIX = 'streams-group/'
const LEAVE_EPOCH = -1

/** The coordinator of all streams groups (KIP-1071). Heartbeats of one group are handled one after the other. */
export class StreamsGroups {
  readonly #options: StreamsGroupsOptions
  readonly #groups = new Map<string, StreamsGroup>()
  readonly #tails = new Map<string, Promise<unknown>>()

  constructor(options: StreamsGroupsOptions) {
    this.#options = options
    for (const [key, value] of options.storage.journal.entries(PREFIX)) {
      const groupId = key.slice(PREFIX.length)
      this.#groups.set(groupId, new StreamsGroup(groupId, options, value))
    }
  }

  list(): StreamsGroup[] {
    return [...this.#groups.values()]
  }

  get(groupId: string): StreamsGroup | undefined {
    return this.#groups.get(groupId)
  }

  has(groupId: string): boolean {
    return this.#groups.has(groupId)
  }

  hasMembers(groupId: string): boolean {
    return (this.#groups.get(groupId)?.members.size ?? 0) > 0
  }

  async delete(groupId: string): Promise<void> {
    await this.#options.storage.journal.put([[PREFIX + groupId, undefined]])
    this.#groups.delete(groupId)
  }

  /** 0 when the member may commit these offsets; synchronous, so that nothing comes between check and effect. */
  refuseCommit(request: {
    readonly groupId: string
    readonly memberId: string
    readonly memberEpoch: number
    readonly isTransactional: boolean
    readonly offsets: readonly OffsetToCommit[]
  }): number {
    const { groupId, memberId, memberEpoch, isTransactional, offsets } = request
    const group = this.#groups.get(groupId)
    if (group !== undefined) return group.refuseCommit(memberId, memberEpoch, isTransactional, offsets)
    if (memberEpoch >= 0) return errorCodes.ILLEGAL_GENERATION
    return memberId === '' ? 0 : errorCodes.UNKNOWN_MEMBER_ID
  }

  /** OffsetFetch v9+: a reader that says who it is must be who it says. */
  refuseFetch(groupId: string, memberId: string | null, memberEpoch: number): number {
    const group = this.#groups.get(groupId)
    if (group === undefined || memberId === null || memberEpoch < 0) return 0
    const member = group.members.get(memberId)
    if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID
    return memberEpoch === member.current.memberEpoch || memberEpoch === member.previousEpoch
      ? 0
      : errorCodes.STALE_MEMBER_EPOCH
  }

  heartbeat(request: HeartbeatRequest, context: RequestContext): Promise<HeartbeatAnswer> {
    const { groupId } = request
    const tail = this.#tails.get(groupId) ?? Promise.resolve()
    // What went wrong for one heartbeat was told to its sender and does not concern the next.
    const run = tail.catch(() => {}).then(() => this.#heartbeat(request, context))
    this.#tails.set(groupId, run)
    const forget = (): void => {
      if (this.#tails.get(groupId) === run) this.#tails.delete(groupId)
    }
    run.then(forget, forget)
    return run
  }

  /** Takes back every timer. */
  close(): void {
    for (const group of this.#groups.values()) {
      for (const member of group.members.values()) {
        member.cancelSession()
        member.cancelRebalance()
      }
    }
  }

  async #heartbeat(request: HeartbeatRequest, context: RequestContext): Promise<HeartbeatAnswer> {
    const { groupId, memberId, memberEpoch } = request
    const invalid = refuseHeartbeat(request)
    if (invalid !== undefined) return refused(request, invalid.code, invalid.message)
    const isJoin = memberEpoch === 0
    let group = this.#groups.get(groupId)
    if (group === undefined) {
      if (!isJoin) return refused(request, errorCodes.GROUP_ID_NOT_FOUND, `There is no group "${groupId}".`)
      group = new StreamsGroup(groupId, this.#options)
      this.#groups.set(groupId, group)
    }
    const known = group.members.get(memberId)
    if (known === undefined && !isJoin) return unknownMember(request)
    if (memberEpoch === LEAVE_EPOCH && known !== undefined) {
      group.remove(known)
      await this.#save(group)
      return { ...noNews(request), memberEpoch: LEAVE_EPOCH }
    }
    if (known !== undefined && !isJoin && isFenced(known, request)) {
      const message = `Member ${memberId} has epoch ${known.current.memberEpoch}, not ${memberEpoch}.`
      return refused(request, errorCodes.FENCED_MEMBER_EPOCH, message)
    }
    const topologyFault = applyTopology(group, memberId, request.topology)
    if (topologyFault !== undefined) return refused(request, errorCodes.INVALID_REQUEST, topologyFault)

    const member = known ?? group.join(memberId, profileOf(request, undefined), context)
    group.update(member, profileOf(request, member.profile))
    if (request.shutdownApplication) group.shutdownRequested = true
    await this.#configure(group)
    // While topics were made, the member's session may have ended.
    if (group.members.get(memberId) !== member) return unknownMember(request)
    group.advance(member, ownedOf(request))
    await this.#save(group)
    const isComplete = isJoin || ownsOther(member, request)
    return heartbeatAnswer(group, member, { request, isComplete })
  }

  async #configure(group: StreamsGroup): Promise<void> {
    const { storage, createTopic } = this.#options
    const count = (name: string): number | undefined => storage.topic(name)?.partitions.length
    group.configure(count)
    const missing = group.configured.internalTopics.filter(({ name }) => count(name) === undefined)
    if (missing.length === 0) return
    for (const topic of missing) {
      const fault = await createTopic(topic)
      if (fault !== undefined) {
        group.fail({ status: groupStatus.MISSING_INTERNAL_TOPICS, detail: fault })
        return
      }
    }
    group.configure(count)
  }

  /** Epochs and tasks are durable before a member hears of them. */
  async #save(group: StreamsGroup): Promise<void> {
    if (!group.isDirty) return
    const { changes } = group
    await this.#options.storage.journal.put([[PREFIX + group.groupId, group.toJson()]])
    group.markSaved(changes)
  }
}

/** Takes over the topology that a member brought; says what is wrong when it cannot. */
function applyTopology(group: StreamsGroup, memberId: string, topology: Topology | null): string | undefined {
  if (topology === null) return undefined
  const current = group.topology
  const isAlone = [...group.members.keys()].every(other => other === memberId)
  if (current === undefined || isAlone || topology.epoch > current.epoch) {
    if (JSON.stringify(topology) !== JSON.stringify(current)) group.setTopology(topology)
    return undefined
  }
  if (topology.epoch < current.epoch || JSON.stringify(topology) === JSON.stringify(current)) return undefined
  return (
    `The group runs another topology of epoch ${current.epoch}. ` +
    'Stop its members first, or give the new topology a higher epoch.'
  )
}

function profileOf(request: HeartbeatRequest, known: MemberProfile | undefined): MemberProfile {
  return {
    processId: request.processId ?? known?.processId ?? '',
    rackId: request.rackId ?? known?.rackId ?? null,
    userEndpoint: request.userEndpoint ?? known?.userEndpoint ?? null,
    clientTags: request.clientTags ?? known?.clientTags ?? [],
    rebalanceTimeoutMs:
      request.rebalanceTimeoutMs === -1 ? (known?.rebalanceTimeoutMs ?? -1) : request.rebalanceTimeoutMs,
    topologyEpoch: request.topology?.epoch ?? known?.topologyEpoch ?? 0,
  }
}

function ownedOf({ activeTasks, standbyTasks, warmupTasks }: HeartbeatRequest) {
  if (activeTasks === null) return undefined
  return {
    active: taskKeys(activeTasks),
    standby: taskKeys([...(standbyTasks ?? []), ...(warmupTasks ?? [])]),
  }
}

/**
 * An older epoch passes only when it is the one before, and the member runs nothing that it was not given: then the
 * answer with the new epoch was lost (KIP-848).
 */
function isFenced({ current, previousEpoch }: Member, request: HeartbeatRequest): boolean {
  if (request.memberEpoch === current.memberEpoch) return false
  if (request.memberEpoch !== previousEpoch) return true
  const owned = ownedOf(request)
  if (owned === undefined) return true
  return (
    ![...owned.active].every(key => current.assigned.active.has(key)) ||
    ![...owned.standby].every(key => current.assigned.standby.has(key))
  )
}

/** The member says that it runs something else than it should: it may have missed an answer. */
function ownsOther({ current }: Member, request: HeartbeatRequest): boolean {
  const owned = ownedOf(request)
  if (owned === undefined) return false
  return (
    !sameKeys(owned.active, current.assigned.active) || !sameKeys(owned.standby, current.assigned.standby)
  )
}

function unknownMember(request: HeartbeatRequest): HeartbeatAnswer {
  const message = `Group "${request.groupId}" has no member ${request.memberId}; join with epoch 0.`
  return refused(request, errorCodes.UNKNOWN_MEMBER_ID, message)
}

function refused(request: HeartbeatRequest, errorCode: number, errorMessage: string): HeartbeatAnswer {
  return { ...noNews(request), errorCode, errorMessage }
}

function noNews({ memberId, memberEpoch, endpointInformationEpoch }: HeartbeatRequest): HeartbeatAnswer {
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    errorMessage: null,
    memberId,
    memberEpoch,
    heartbeatIntervalMs: 0,
    acceptableRecoveryLag: 0,
    taskOffsetIntervalMs: 0,
    status: null,
    endpointInformationEpoch,
  }
}
