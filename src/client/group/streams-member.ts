import type { RequestInputOf } from '../../wire/message.ts'
import type { streamsGroupHeartbeat } from '../../wire/messages/streams-group-heartbeat.ts'
import type { Cluster } from '../cluster.ts'

type Heartbeat = RequestInputOf<typeof streamsGroupHeartbeat>
/** The topology as the broker wants to know it (KIP-1071): sub-topologies with sources, internal topics, co-partitioning. */
export type StreamsTopology = NonNullable<Heartbeat['topology']>

/** Tasks by sub-topology id. */
export interface TaskIds {
  readonly subtopologyId: string
  readonly partitions: readonly number[]
}

export interface StreamsAssignment {
  readonly active: readonly TaskIds[]
  readonly standby: readonly TaskIds[]
  readonly warmup: readonly TaskIds[]
}

/** What the broker says about the group as a whole; it goes away when the cause does. */
export interface GroupStatus {
  readonly name:
    | 'STALE_TOPOLOGY'
    | 'MISSING_SOURCE_TOPICS'
    | 'INCORRECTLY_PARTITIONED_TOPICS'
    | 'MISSING_INTERNAL_TOPICS'
    | 'SHUTDOWN_APPLICATION'
    | 'ASSIGNMENT_DELAYED'
    | 'UNKNOWN'
  readonly detail: string
}

/** Who answers queries for which partitions of the input topics. */
export interface EndpointPartitions {
  readonly host: string
  readonly port: number
  readonly active: readonly { readonly topic: string; readonly partitions: readonly number[] }[]
  readonly standby: readonly { readonly topic: string; readonly partitions: readonly number[] }[]
}

/** The owner of the tasks: the runtime. Callbacks are synchronous and must not throw. */
export interface StreamsMemberOwner {
  /**
   * The whole target, each time it changed. The owner first closes (commits) what is no longer in it, then opens
   * what is new; after each of the two it calls acknowledge(). Only then may other members get what it gave up.
   */
  onAssignment(assignment: StreamsAssignment): void
  /** What the owner holds right now: sent with the next heartbeat when it changed. */
  owned(): StreamsAssignment
  /** The broker no longer knows this member: close all tasks without committing. It rejoins by itself. */
  onLost(cause: Error): void
  /** Every change of the group's status; empty when all is well. */
  onStatus(statuses: readonly GroupStatus[]): void
  onEndpoints(endpoints: readonly EndpointPartitions[]): void
  /** The member cannot go on (topology refused, not authorised, protocol unknown); it has stopped. */
  onFatal(error: Error): void
}

export interface StreamsMemberOptions {
  readonly groupId: string
  readonly topology: StreamsTopology
  /** Shared by all members of one process. */
  readonly processId: string
  /** Default: a random one. */
  readonly memberId?: string
  /** Static membership: close() keeps the assignment for a member of the same instance id. */
  readonly instanceId?: string
  readonly rackId?: string
  readonly userEndpoint?: { readonly host: string; readonly port: number }
  readonly clientTags?: Readonly<Record<string, string>>
  /** How long the coordinator waits for tasks to be given up. Default 300 000. */
  readonly rebalanceTimeoutMs?: number
}

/**
 * One member of a streams group (KIP-1071): heartbeats at the broker's interval, joins, acknowledges, rejoins after
 * it was fenced, leaves on close. `memberId` and `memberEpoch` fence transactional offset commits.
 */
export declare class StreamsMember implements AsyncDisposable {
  constructor(cluster: Cluster, owner: StreamsMemberOwner, options: StreamsMemberOptions)
  readonly memberId: string
  /** 0 while joining, -1 after leaving. */
  readonly memberEpoch: number
  readonly groupId: string
  /** Joins; resolves after the first heartbeat that the coordinator accepted. Rejects with what onFatal would get. */
  start(): Promise<void>
  /** Sends a heartbeat now, with what the owner owns. */
  acknowledge(): void
  /** Asks all members of the group to shut down. */
  shutdownApplication(): void
  /** Leaves the group (static members: for a while). The owner has committed and closed its tasks before. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
