import { randomUUID } from 'node:crypto'
import { EvertError, isEvertError } from '../../errors.ts'
import { type Deferred, deferred } from '../../internal/deferred.ts'
import { errorCodes } from '../../wire/error-codes.ts'
import type { ResponseOf } from '../../wire/message.ts'
import { streamsGroupHeartbeat } from '../../wire/messages/streams-group-heartbeat.ts'
import type { Cluster } from '../cluster.ts'
import { KafkaError } from '../kafka-error.ts'
import type { NodeConnections } from '../node-connections.ts'
import { backoffMs, isChannelError } from '../retry.ts'
import {
  type GroupStatus,
  type Heartbeat,
  isSameAssignment,
  NOTHING_ASSIGNED,
  type StreamsAssignment,
  type StreamsMemberOptions,
  type StreamsMemberOwner,
  statusOf,
  type TaskIds,
  taskIdsOf,
} from './streams-protocol.ts'

const JOINING = 0
const LEAVING = -1
const LEAVING_FOR_A_WHILE = -2
const REJOIN = new Set<number>([
  errorCodes.UNKNOWN_MEMBER_ID,
  errorCodes.FENCED_MEMBER_EPOCH,
  errorCodes.GROUP_ID_NOT_FOUND,
])
const MOVED = new Set<number>([errorCodes.NOT_COORDINATOR, errorCodes.COORDINATOR_NOT_AVAILABLE])
/** The last one: the member that had the instance id before has not timed out yet. */
const RETRY = new Set<number>([
  ...MOVED,
  errorCodes.COORDINATOR_LOAD_IN_PROGRESS,
  errorCodes.REQUEST_TIMED_OUT,
  errorCodes.UNRELEASED_INSTANCE_ID,
])

/**
 * One member of a streams group (KIP-1071): heartbeats at the broker's interval, joins, acknowledges, rejoins after
 * it was fenced, leaves on close. `memberId` and `memberEpoch` fence transactional offset commits.
 */
export class StreamsMember implements AsyncDisposable {
  readonly memberId: string
  readonly groupId: string
  readonly #cluster: Cluster
  readonly #connections: NodeConnections
  readonly #owner: StreamsMemberOwner
  readonly #options: StreamsMemberOptions
  #memberEpoch = JOINING
  #endpointEpoch = -1
  #assigned = NOTHING_ASSIGNED
  /** What the coordinator was told last; undefined: everything is to be told. */
  #told: StreamsAssignment | undefined
  #statuses: readonly GroupStatus[] = []
  #intervalMs = 0
  #failures = 0
  #wantsShutdown = false
  /** Whether the coordinator may count it as a member, so that it must leave. */
  #mayBeMember = false
  #isBeating = false
  #isBeatDue = false
  /** Lost its membership, and waits until the owner has let go of what it had. */
  #isLosing = false
  #cancelTimer = (): void => {}
  #state: 'new' | 'running' | 'stopped' = 'new'
  #started: Deferred<void> = deferred()
  #idle: Deferred<void> | undefined

  constructor(cluster: Cluster, owner: StreamsMemberOwner, options: StreamsMemberOptions) {
    this.#cluster = cluster
    this.#connections = cluster.openConnections()
    this.#owner = owner
    this.#options = options
    this.memberId = options.memberId ?? randomUUID()
    this.groupId = options.groupId
  }

  /** 0 while joining, -1 after leaving. */
  get memberEpoch(): number {
    return this.#memberEpoch
  }

  /** Joins; resolves after the first heartbeat that the coordinator accepted. Rejects with what onFatal would get. */
  start(): Promise<void> {
    if (this.#state === 'new') {
      this.#state = 'running'
      this.#beat()
    }
    return this.#started.promise
  }

  /** Sends a heartbeat now, with what the owner owns. */
  acknowledge(): void {
    this.#beat()
  }

  /** Asks all members of the group to shut down. */
  shutdownApplication(): void {
    this.#wantsShutdown = true
    this.#beat()
  }

  /** Leaves the group (static members: for a while). The owner has committed and closed its tasks before. */
  async close(): Promise<void> {
    if (this.#state === 'stopped') return
    this.#stop()
    if (this.#isBeating) {
      this.#idle = deferred()
      await this.#idle.promise
    }
    this.#rejectStart()
    try {
      if (this.#mayBeMember) await this.#leave()
    } finally {
      this.#memberEpoch = LEAVING
      await this.#connections.close()
    }
  }

  /** Ends at once, without leaving: the coordinator will miss the heartbeats. A close() under way goes on sooner. */
  async abandon(): Promise<void> {
    this.#stop()
    this.#rejectStart()
    await this.#connections.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #rejectStart(): void {
    this.#started.reject(
      new EvertError('CLOSED', `The member of "${this.groupId}" was closed before it joined.`),
    )
    this.#started.promise.catch(() => {})
  }

  /** One heartbeat at a time; one that is wanted meanwhile follows at once. None while lost tasks are still held. */
  #beat(): void {
    if (this.#state !== 'running') return
    if (this.#isLosing && !isSameAssignment(this.#owner.owned(), NOTHING_ASSIGNED)) return
    this.#isLosing = false
    if (this.#isBeating) {
      this.#isBeatDue = true
      return
    }
    this.#cancelTimer()
    this.#isBeating = true
    this.#isBeatDue = false
    this.#send().then(
      waitMs => this.#rest(waitMs),
      error => {
        this.#fatal(error as Error)
        this.#rest(0)
      },
    )
  }

  #rest(waitMs: number): void {
    this.#isBeating = false
    this.#idle?.resolve()
    if (this.#state !== 'running') return
    if (this.#isBeatDue || waitMs === 0) this.#beat()
    else this.#cancelTimer = this.#cluster.clock.schedule(waitMs, () => this.#beat())
  }

  /** Sends one heartbeat and takes in the answer; resolves to the wait until the next. Rejects with what is fatal. */
  async #send(): Promise<number> {
    try {
      const nodeId = await this.#cluster.coordinatorOf('group', this.groupId)
      const connection = await this.#connections.get(nodeId)
      const owned = this.#owner.owned()
      // Also when the answer is lost, or comes after close(): the coordinator may have made it a member.
      this.#mayBeMember = true
      const answer = await connection.send(streamsGroupHeartbeat, this.#request(owned))
      if (this.#state !== 'running') {
        // Closed meanwhile; leave under the epoch that the coordinator knows.
        if (answer.errorCode === 0) this.#memberEpoch = answer.memberEpoch
        return 0
      }
      return this.#onAnswer(answer, owned)
    } catch (error) {
      if (this.#state !== 'running') return 0
      const isBusy = error instanceof KafkaError && error.retryable
      if (!isBusy && !isChannelError(error)) throw error
      this.#cluster.forgetCoordinator('group', this.groupId)
      // Whether the coordinator has seen it is unknown: tell it everything again.
      this.#told = undefined
      return this.#backOff()
    }
  }

  #request(owned: StreamsAssignment): Heartbeat {
    const { topology, processId, instanceId, rackId, userEndpoint, clientTags } = this.#options
    const isJoining = this.#memberEpoch === JOINING
    const isFull = isJoining || this.#told === undefined
    const isChanged = isFull || !isSameAssignment(this.#told as StreamsAssignment, owned)
    const tasks = (ids: readonly TaskIds[]) => (isJoining ? [] : isChanged ? taskIdsOf(ids) : null)
    return {
      groupId: this.groupId,
      memberId: this.memberId,
      memberEpoch: this.#memberEpoch,
      endpointInformationEpoch: this.#endpointEpoch,
      instanceId: instanceId ?? null,
      rackId: (isFull && rackId) || null,
      rebalanceTimeoutMs: isFull ? (this.#options.rebalanceTimeoutMs ?? 300_000) : -1,
      topology: isJoining ? topology : null,
      activeTasks: tasks(owned.active),
      standbyTasks: tasks(owned.standby),
      warmupTasks: tasks(owned.warmup),
      processId: isFull ? processId : null,
      userEndpoint: (isFull && userEndpoint) || null,
      clientTags: isFull ? Object.entries(clientTags ?? {}).map(([key, value]) => ({ key, value })) : null,
      shutdownApplication: this.#wantsShutdown,
    }
  }

  #onAnswer(answer: ResponseOf<typeof streamsGroupHeartbeat>, owned: StreamsAssignment): number {
    const { errorCode } = answer
    if (errorCode !== 0) return this.#onError(errorCode, answer.errorMessage)
    const wasJoining = this.#memberEpoch === JOINING
    this.#failures = 0
    this.#wantsShutdown = false
    this.#memberEpoch = answer.memberEpoch
    this.#intervalMs = answer.heartbeatIntervalMs
    this.#told = wasJoining ? NOTHING_ASSIGNED : owned
    this.#onStatuses(answer.status ?? [])
    this.#endpointEpoch = answer.endpointInformationEpoch
    if (answer.partitionsByUserEndpoint !== null) {
      this.#owner.onEndpoints(
        answer.partitionsByUserEndpoint.map(({ userEndpoint, activePartitions, standbyPartitions }) => ({
          ...userEndpoint,
          active: activePartitions,
          standby: standbyPartitions,
        })),
      )
    }
    this.#started.resolve()
    if (answer.activeTasks !== null || answer.standbyTasks !== null || answer.warmupTasks !== null) {
      const assigned = {
        active: answer.activeTasks ?? this.#assigned.active,
        standby: answer.standbyTasks ?? this.#assigned.standby,
        warmup: answer.warmupTasks ?? this.#assigned.warmup,
      }
      const isChanged = !isSameAssignment(assigned, this.#assigned)
      this.#assigned = assigned
      if (isChanged) this.#owner.onAssignment(assigned)
    }
    return this.#intervalMs
  }

  #onStatuses(statuses: readonly { statusCode: number; statusDetail: string }[]): void {
    const now = statuses.map(({ statusCode, statusDetail }) => statusOf(statusCode, statusDetail))
    if (JSON.stringify(now) === JSON.stringify(this.#statuses)) return
    this.#statuses = now
    this.#owner.onStatus(now)
  }

  #onError(errorCode: number, message: string | null): number {
    const detail = message === null ? '' : ` (${message})`
    const error = new KafkaError(
      errorCode,
      `The member ${this.memberId} of "${this.groupId}" was refused${detail}`,
    )
    if (REJOIN.has(errorCode) && this.#memberEpoch !== JOINING) {
      this.#mayBeMember = false
      this.#memberEpoch = JOINING
      this.#endpointEpoch = -1
      this.#assigned = NOTHING_ASSIGNED
      this.#told = undefined
      this.#isLosing = true
      this.#owner.onLost(error)
      return 0
    }
    if (MOVED.has(errorCode)) this.#cluster.forgetCoordinator('group', this.groupId)
    if (RETRY.has(errorCode) || REJOIN.has(errorCode)) return this.#backOff()
    throw error
  }

  #backOff(): number {
    return backoffMs(this.#cluster.backoff, this.#failures++)
  }

  #fatal(error: Error): void {
    this.#stop()
    this.#started.reject(error)
    // Whoever did not wait for start() hears of it through the callback.
    this.#started.promise.catch(() => {})
    this.#owner.onFatal(error)
  }

  #stop(): void {
    this.#state = 'stopped'
    this.#cancelTimer()
  }

  /** One attempt: a coordinator that cannot be reached will miss the heartbeats. */
  async #leave(): Promise<void> {
    const { instanceId } = this.#options
    try {
      const nodeId = await this.#cluster.coordinatorOf('group', this.groupId)
      const connection = await this.#connections.get(nodeId)
      const answer = await connection.send(streamsGroupHeartbeat, {
        groupId: this.groupId,
        memberId: this.memberId,
        memberEpoch: instanceId === undefined ? LEAVING : LEAVING_FOR_A_WHILE,
        endpointInformationEpoch: this.#endpointEpoch,
        instanceId: instanceId ?? null,
      })
      const { errorCode } = answer
      if (errorCode !== 0 && !REJOIN.has(errorCode) && !RETRY.has(errorCode)) {
        throw new KafkaError(errorCode, `The member of "${this.groupId}" could not leave`)
      }
    } catch (error) {
      // CLOSED: abandoned meanwhile.
      if (!isChannelError(error) && !isEvertError(error, 'CLOSED')) throw error
    }
  }
}
