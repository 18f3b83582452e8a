import { type Member, sameTasks } from './member.ts'
import type { StreamsGroup } from './streams-group.ts'
import type { HeartbeatAnswer, HeartbeatRequest } from './streams-groups.ts'
import { groupTasks, splitTaskKey, type TaskKey } from './task.ts'
import { groupStatus } from './topology.ts'

interface AnswerOptions {
  readonly request: HeartbeatRequest
  /** Whether the tasks are listed even if they are what the latest answer said. */
  readonly isComplete: boolean
}

const ACCEPTABLE_RECOVERY_LAG = 10_000
const TASK_OFFSET_INTERVAL_MS = 60_000

/** What one member hears: its epoch, its tasks when they are news, and where the others serve their partitions. */
export function heartbeatAnswer(
  group: StreamsGroup,
  member: Member,
  { request, isComplete }: AnswerOptions,
): HeartbeatAnswer {
  const { assigned, memberEpoch } = member.current
  const hasNews = isComplete || !sameTasks(assigned, member.told)
  member.told = assigned
  const hasEndpointNews =
    request.memberEpoch === 0 || request.endpointInformationEpoch !== group.endpointEpoch
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    errorMessage: null,
    memberId: member.memberId,
    memberEpoch,
    heartbeatIntervalMs: group.settings.heartbeatIntervalMs,
    acceptableRecoveryLag: ACCEPTABLE_RECOVERY_LAG,
    taskOffsetIntervalMs: TASK_OFFSET_INTERVAL_MS,
    status: statusOf(group, member),
    activeTasks: hasNews ? groupTasks(assigned.active.keys()) : null,
    standbyTasks: hasNews ? groupTasks(assigned.standby) : null,
    warmupTasks: hasNews ? [] : null,
    endpointInformationEpoch: group.endpointEpoch,
    partitionsByUserEndpoint: hasEndpointNews ? partitionsByEndpoint(group) : null,
  }
}

function statusOf(group: StreamsGroup, member: Member) {
  const status = []
  if (group.isStale(member)) {
    status.push({
      statusCode: groupStatus.STALE_TOPOLOGY,
      statusDetail: `The member's topology epoch ${member.profile.topologyEpoch} is not the group's, ${group.topology?.epoch}.`,
    })
  }
  if (group.configured.problem !== undefined) {
    const { status: statusCode, detail: statusDetail } = group.configured.problem
    status.push({ statusCode, statusDetail })
  }
  if (group.shutdownRequested) {
    status.push({
      statusCode: groupStatus.SHUTDOWN_APPLICATION,
      statusDetail: 'A member asked for the shutdown of the application.',
    })
  }
  return status
}

function partitionsByEndpoint(group: StreamsGroup) {
  const answer = []
  for (const { profile, current } of group.members.values()) {
    if (profile.userEndpoint === null) continue
    answer.push({
      userEndpoint: profile.userEndpoint,
      activePartitions: partitionsOf(group, current.assigned.active.keys()),
      standbyPartitions: partitionsOf(group, current.assigned.standby),
    })
  }
  return answer
}

function partitionsOf(group: StreamsGroup, keys: Iterable<TaskKey>) {
  const topics = new Map<string, number[]>()
  for (const key of keys) {
    const { subtopologyId, partition } = splitTaskKey(key)
    const subtopology = group.configured.subtopologies.find(({ id }) => id === subtopologyId)
    for (const { topic, partitions } of subtopology?.inputs ?? []) {
      // A narrower input ends before the widest one, which makes the tasks.
      if (partition >= partitions) continue
      const list = topics.get(topic)
      if (list === undefined) topics.set(topic, [partition])
      else list.push(partition)
    }
  }
  return [...topics].map(([topic, partitions]) => ({
    topic,
    partitions: partitions.toSorted((a, b) => a - b),
  }))
}
