import { streamsGroupDescribe } from '../../wire/messages/streams-group-describe.ts'
import type { Cluster } from '../cluster.ts'
import { callCoordinator } from '../coordinator.ts'
import { KafkaError } from '../kafka-error.ts'

const WITHIN_MS = 10_000

/** Process ids of the members that a streams group has now. Throws KafkaError, TIMEOUT, UNSUPPORTED_VERSION. */
export async function processesOf(cluster: Cluster, groupId: string): Promise<Set<string>> {
  const answer = await callCoordinator({
    cluster,
    connections: cluster.connections,
    kind: 'group',
    key: groupId,
    api: streamsGroupDescribe,
    request: { groupIds: [groupId], includeAuthorizedOperations: false },
    errorCode: ({ groups }) => groups[0]?.errorCode ?? -1,
    withinMs: WITHIN_MS,
  })
  const [group] = answer.groups
  const errorCode = group?.errorCode ?? -1
  if (group === undefined || errorCode !== 0) {
    throw new KafkaError(errorCode, `The group "${groupId}" cannot be described`)
  }
  return new Set(group.members.map(({ processId }) => processId))
}
