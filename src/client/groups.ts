import { errorCodes } from '../wire/error-codes.ts'
import type { Fields, Message, MessageInput } from '../wire/field.ts'
import type { Api } from '../wire/message.ts'
import { deleteGroups } from '../wire/messages/delete-groups.ts'
import { describeGroups } from '../wire/messages/describe-groups.ts'
import { leaveGroup } from '../wire/messages/leave-group.ts'
import { listGroups as listGroupsApi } from '../wire/messages/list-groups.ts'
import { streamsGroupDescribe } from '../wire/messages/streams-group-describe.ts'
import { streamsGroupHeartbeat } from '../wire/messages/streams-group-heartbeat.ts'
import { retried } from './admin-calls.ts'
import type { Cluster } from './cluster.ts'
import { callCoordinator } from './coordinator.ts'
import { KafkaError } from './kafka-error.ts'

export interface GroupListing {
  readonly groupId: string
  /** `Streams`, `Classic`, `Consumer`, …; empty when the broker is too old to say. */
  readonly type: string
  /** `Empty`, `Stable`, …; empty when the broker is too old to say. */
  readonly state: string
}

export interface GroupMember {
  readonly memberId: string
  /** Undefined in a classic group. */
  readonly memberEpoch: number | undefined
  readonly instanceId: string | null
  readonly clientId: string
  readonly host: string
}

export interface GroupDescription {
  readonly groupId: string
  readonly type: 'streams' | 'classic'
  readonly state: string
  readonly members: readonly GroupMember[]
  /** Of a streams group: the topics of its topology. Empty in a classic group. */
  readonly sourceTopics: readonly string[]
  readonly repartitionTopics: readonly string[]
  readonly changelogTopics: readonly string[]
}

const WITHIN_MS = 60_000
const LEAVING = -1
const NO_SUCH_GROUP = new Set<number>([errorCodes.GROUP_ID_NOT_FOUND, errorCodes.UNSUPPORTED_VERSION])

/** All groups of the cluster. */
export async function listGroups(cluster: Cluster): Promise<GroupListing[]> {
  const nodes = await retried(cluster, async () => {
    await cluster.metadata.refresh([])
    return [...cluster.metadata.nodes().keys()]
  })
  const found: GroupListing[] = []
  // Each broker tells of the groups that it coordinates.
  for (const node of nodes) {
    const answer = await retried(cluster, async () => {
      const response = await (await cluster.connections.get(node)).send(listGroupsApi, {})
      if (response.errorCode !== 0) throw new KafkaError(response.errorCode, 'Groups cannot be listed')
      return response
    })
    for (const { groupId, groupType: type, groupState: state } of answer.groups)
      found.push({ groupId, type, state })
  }
  return found.toSorted((a, b) => (a.groupId < b.groupId ? -1 : 1))
}

/** A streams or classic group; undefined when there is none of that name. Throws KafkaError. */
export async function describeGroup(
  cluster: Cluster,
  groupId: string,
): Promise<GroupDescription | undefined> {
  return (await describeStreamsGroup(cluster, groupId)) ?? (await describeClassicGroup(cluster, groupId))
}

/** Deletes a group with its committed offsets. Throws KafkaError: NON_EMPTY_GROUP while it has members. */
export async function deleteGroup(cluster: Cluster, groupId: string): Promise<'deleted' | 'missing'> {
  const answer = await toCoordinator(cluster, groupId, {
    api: deleteGroups,
    request: { groupsNames: [groupId] },
    errorCode: ({ results }) => results[0]?.errorCode ?? 0,
  })
  const errorCode = answer.results[0]?.errorCode ?? errorCodes.UNKNOWN_SERVER_ERROR
  if (errorCode === errorCodes.GROUP_ID_NOT_FOUND) return 'missing'
  if (errorCode !== 0) throw new KafkaError(errorCode, `The group "${groupId}" was not deleted`)
  return 'deleted'
}

/** Asks all members of a streams group to close, on behalf of one of them (KIP-1071). Nobody may be there any more. */
export async function askToShutDown(cluster: Cluster, groupId: string, member: GroupMember): Promise<void> {
  await toCoordinator(cluster, groupId, {
    api: streamsGroupHeartbeat,
    request: {
      groupId,
      memberId: member.memberId,
      memberEpoch: member.memberEpoch ?? 0,
      endpointInformationEpoch: -1,
      instanceId: member.instanceId,
      shutdownApplication: true,
    },
    errorCode: answer => answer.errorCode,
  })
}

/** Takes members out of their group; those that are alive join again. */
export async function removeMembers(cluster: Cluster, group: GroupDescription): Promise<void> {
  const { groupId, type, members } = group
  if (type === 'classic') {
    await toCoordinator(cluster, groupId, {
      api: leaveGroup,
      request: {
        groupId,
        members: members.map(({ memberId, instanceId }) => ({ memberId, groupInstanceId: instanceId })),
      },
      errorCode: answer => answer.errorCode,
    })
    return
  }
  for (const { memberId, instanceId } of members) {
    await toCoordinator(cluster, groupId, {
      api: streamsGroupHeartbeat,
      request: { groupId, memberId, memberEpoch: LEAVING, endpointInformationEpoch: -1, instanceId },
      errorCode: answer => answer.errorCode,
    })
  }
}

async function describeStreamsGroup(
  cluster: Cluster,
  groupId: string,
): Promise<GroupDescription | undefined> {
  const connection = await cluster.anyConnection()
  if (connection.versionOf(streamsGroupDescribe) < 0) return undefined
  const answer = await toCoordinator(cluster, groupId, {
    api: streamsGroupDescribe,
    request: { groupIds: [groupId], includeAuthorizedOperations: false },
    errorCode: ({ groups }) => groups[0]?.errorCode ?? 0,
  })
  const group = answer.groups[0]
  if (group === undefined || NO_SUCH_GROUP.has(group.errorCode)) return undefined
  if (group.errorCode !== 0)
    throw new KafkaError(group.errorCode, `The group "${groupId}" cannot be described`)
  const parts = group.topology?.subtopologies ?? []
  return {
    groupId,
    type: 'streams',
    state: group.groupState,
    members: group.members.map(({ memberId, memberEpoch, instanceId, clientId, clientHost: host }) => ({
      memberId,
      memberEpoch,
      instanceId,
      clientId,
      host,
    })),
    sourceTopics: parts.flatMap(({ sourceTopics }) => sourceTopics),
    repartitionTopics: parts.flatMap(part => part.repartitionSourceTopics.map(({ name }) => name)),
    changelogTopics: parts.flatMap(part => part.stateChangelogTopics.map(({ name }) => name)),
  }
}

async function describeClassicGroup(
  cluster: Cluster,
  groupId: string,
): Promise<GroupDescription | undefined> {
  const answer = await toCoordinator(cluster, groupId, {
    api: describeGroups,
    request: { groups: [groupId] },
    errorCode: ({ groups }) => groups[0]?.errorCode ?? 0,
  })
  const group = answer.groups[0]
  if (group === undefined || NO_SUCH_GROUP.has(group.errorCode) || group.groupState === 'Dead')
    return undefined
  if (group.errorCode !== 0)
    throw new KafkaError(group.errorCode, `The group "${groupId}" cannot be described`)
  return {
    groupId,
    type: 'classic',
    state: group.groupState,
    members: group.members.map(({ memberId, groupInstanceId, clientId, clientHost: host }) => ({
      memberId,
      memberEpoch: undefined,
      instanceId: groupInstanceId,
      clientId,
      host,
    })),
    sourceTopics: [],
    repartitionTopics: [],
    changelogTopics: [],
  }
}

interface GroupCall<Req extends Fields, Res extends Fields> {
  readonly api: Api<Req, Res>
  readonly request: MessageInput<Req>
  readonly errorCode: (response: Message<Res>) => number
}

function toCoordinator<Req extends Fields, Res extends Fields>(
  cluster: Cluster,
  groupId: string,
  call: GroupCall<Req, Res>,
): Promise<Message<Res>> {
  const { connections } = cluster
  return callCoordinator({
    cluster,
    connections,
    kind: 'group',
    key: groupId,
    withinMs: WITHIN_MS,
    ...call,
  })
}
