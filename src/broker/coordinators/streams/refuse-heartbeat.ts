import { errorCodes } from '../../../wire/error-codes.ts'
import type { HeartbeatRequest } from './streams-groups.ts'

/** What makes a heartbeat invalid by itself, whatever the group's state. */
export function refuseHeartbeat(request: HeartbeatRequest): { code: number; message: string } | undefined {
  const { memberEpoch, topology } = request
  if (request.groupId.trim() === '') return invalid('GroupId must not be empty.')
  if (request.memberId === '') return invalid('MemberId must not be empty.')
  if (request.instanceId !== null) return invalid('Static membership is not supported; leave InstanceId out.')
  if (memberEpoch < -1) return invalid(`MemberEpoch ${memberEpoch} is below -1.`)
  if (memberEpoch === 0) {
    if (request.rebalanceTimeoutMs <= 0)
      return invalid('A joining member gives a RebalanceTimeoutMs above 0.')
    if (topology === null) return invalid('A joining member gives its Topology.')
    if (request.processId === null || request.processId === '') {
      return invalid('A joining member gives its ProcessId.')
    }
    for (const tasks of [request.activeTasks, request.standbyTasks, request.warmupTasks]) {
      if (tasks === null || tasks.length > 0) return invalid('A joining member gives empty lists of tasks.')
    }
  }
  if (topology?.subtopologies.some(sub => sub.sourceTopicRegex.length > 0)) {
    return {
      code: errorCodes.STREAMS_INVALID_TOPOLOGY,
      message: 'Patterns of source topics are not supported; name the topics.',
    }
  }
  const ids = topology?.subtopologies.map(sub => sub.subtopologyId) ?? []
  if (new Set(ids).size < ids.length) {
    return { code: errorCodes.STREAMS_INVALID_TOPOLOGY, message: 'Two sub-topologies have the same id.' }
  }
  return undefined
}

function invalid(message: string) {
  return { code: errorCodes.INVALID_REQUEST, message }
}
