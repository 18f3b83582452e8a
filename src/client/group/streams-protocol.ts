import type { RequestInputOf } from '../../wire/message.ts'
import type { streamsGroupHeartbeat } from '../../wire/messages/streams-group-heartbeat.ts'

export type Heartbeat = RequestInputOf<typeof streamsGroupHeartbeat>
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
  /**
   * The broker no longer knows this member: close all tasks without committing, then call acknowledge(). It joins again
   * by itself once nothing is owned: what was processed before must not be committed as the member that it is then.
   */
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

/** By the numbers of KIP-1071. */
const STATUSES: readonly GroupStatus['name'][] = [
  'STALE_TOPOLOGY',
  'MISSING_SOURCE_TOPICS',
  'INCORRECTLY_PARTITIONED_TOPICS',
  'MISSING_INTERNAL_TOPICS',
  'SHUTDOWN_APPLICATION',
  'ASSIGNMENT_DELAYED',
]

export function statusOf(code: number, detail: string): GroupStatus {
  return { name: STATUSES[code] ?? 'UNKNOWN', detail }
}

/** The request's form of task ids, sorted, so that equal sets compare equal. */
export function taskIdsOf(tasks: readonly TaskIds[]): { subtopologyId: string; partitions: number[] }[] {
  return tasks
    .filter(({ partitions }) => partitions.length > 0)
    .map(({ subtopologyId, partitions }) => ({
      subtopologyId,
      partitions: partitions.toSorted((a, b) => a - b),
    }))
    .toSorted((a, b) => (a.subtopologyId < b.subtopologyId ? -1 : 1))
}

export function isSameAssignment(a: StreamsAssignment, b: StreamsAssignment): boolean {
  return (['active', 'standby', 'warmup'] as const).every(
    kind => JSON.stringify(taskIdsOf(a[kind])) === JSON.stringify(taskIdsOf(b[kind])),
  )
}

export const NOTHING_ASSIGNED: StreamsAssignment = { active: [], standby: [], warmup: [] }
