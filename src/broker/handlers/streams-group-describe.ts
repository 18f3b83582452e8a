// Version 0 (KIP-1071).
import { errorCodes } from '../../wire/error-codes.ts'
import { streamsGroupDescribe } from '../../wire/messages/streams-group-describe.ts'
import type { Member } from '../coordinators/streams/member.ts'
import type { StreamsGroup } from '../coordinators/streams/streams-group.ts'
import { groupTasks, type TaskKey } from '../coordinators/streams/task.ts'
import { handler } from '../handler.ts'

export const streamsGroupDescribeHandler = handler(streamsGroupDescribe, [0, 0], (request, { services }) => ({
  throttleTimeMs: 0,
  groups: request.groupIds.map(groupId => {
    const group = services.streamsGroups.get(groupId)
    if (group !== undefined) return describe(group)
    return {
      errorCode: errorCodes.GROUP_ID_NOT_FOUND,
      errorMessage: `There is no streams group "${groupId}".`,
      groupId,
      groupState: '',
      groupEpoch: 0,
      assignmentEpoch: 0,
      members: [],
    }
  }),
}))

function describe(group: StreamsGroup) {
  return {
    errorCode: 0,
    groupId: group.groupId,
    groupState: group.state,
    groupEpoch: group.groupEpoch,
    assignmentEpoch: group.groupEpoch,
    topology: group.topology ?? null,
    members: [...group.members.values()].map(member => describeMember(group, member)),
  }
}

function describeMember(group: StreamsGroup, { memberId, clientId, clientHost, profile, current }: Member) {
  const target = group.targetOf(memberId)
  return {
    memberId,
    memberEpoch: current.memberEpoch,
    rackId: profile.rackId,
    clientId,
    clientHost,
    topologyEpoch: profile.topologyEpoch,
    processId: profile.processId,
    userEndpoint: profile.userEndpoint === null ? null : { ...profile.userEndpoint },
    clientTags: [...profile.clientTags],
    taskOffsets: [],
    taskEndOffsets: [],
    assignment: tasks(current.assigned.active.keys(), current.assigned.standby),
    targetAssignment: tasks(target.active, target.standby),
    isClassic: false,
  }
}

function tasks(active: Iterable<TaskKey>, standby: Iterable<TaskKey>) {
  return { activeTasks: groupTasks(active), standbyTasks: groupTasks(standby), warmupTasks: [] }
}
