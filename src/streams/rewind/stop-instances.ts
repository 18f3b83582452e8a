import { randomUUID } from 'node:crypto'
import { retried } from '../../client/admin-calls.ts'
import type { Cluster } from '../../client/cluster.ts'
import { askToShutDown, describeGroup, type GroupDescription, removeMembers } from '../../client/groups.ts'
import { delay } from '../../client/retry.ts'
import { EvertError } from '../../errors.ts'
import { writeRewind } from '../runtime/topology-log.ts'
import type { KnownApplication } from './known-application.ts'

/** How often the group is looked at. */
const POLL_MS = 100
/** Within this, an instance that was taken out and lives has joined again. */
const REJOIN_MS = 1000

/**
 * Asks all instances of an application to close, as shutdownApplication does, and keeps new ones from starting. Those
 * that did not close in time are taken out of the group: they are gone, or join again. Throws APPLICATION_RUNNING when
 * one does; the application then is as it was before.
 */
export async function stopInstances(
  cluster: Cluster,
  known: KnownApplication,
  timeoutMs: number,
): Promise<void> {
  const { applicationId, internalTopics, lastRewind, unfinished } = known
  const offsets = unfinished?.offsets ?? []
  await writeRewind(cluster, applicationId, { id: randomUUID(), isDone: false, offsets, internalTopics })
  try {
    await emptyGroup(cluster, applicationId, timeoutMs)
  } catch (error) {
    await writeRewind(cluster, applicationId, lastRewind)
    throw error
  }
}

async function emptyGroup(cluster: Cluster, applicationId: string, timeoutMs: number): Promise<void> {
  // Whoever stops may serve the log: it is then a while before another process does.
  const describe = () => retried(cluster, () => describeGroup(cluster, applicationId))
  const group = await describe()
  const [member] = group?.members ?? []
  if (group?.type === 'streams' && member !== undefined) {
    await askToShutDown(cluster, applicationId, member)
    const deadlineMs = cluster.clock.elapsedMs() + timeoutMs
    while (cluster.clock.elapsedMs() < deadlineMs) {
      if (!hasMembers(await describe())) return
      await delay(cluster.clock, POLL_MS)
    }
  }
  const left = await describe()
  if (!hasMembers(left)) return
  await removeMembers(cluster, left)
  await delay(cluster.clock, REJOIN_MS)
  const again = await describe()
  if (hasMembers(again)) throw applicationRunning(again)
}

export function hasMembers(group: GroupDescription | undefined): group is GroupDescription {
  return group !== undefined && group.members.length > 0
}

export function applicationRunning({ groupId, members }: GroupDescription): EvertError {
  const count = members.length === 1 ? 'a member' : `${members.length} members`
  return new EvertError(
    'APPLICATION_RUNNING',
    `The application "${groupId}" runs: its group has ${count}: ${members.map(memberInWords).join(', ')}. Stop all ` +
      'instances, or wait until the group has given up those that are gone. With `force` they are ' +
      'asked to stop, and those that do not answer are taken out of the group.',
  )
}

/** Kafka has a slash before each host. */
export function memberInWords({ clientId, host, memberId }: GroupDescription['members'][number]): string {
  return `${clientId} (${host.replace(/^\//, '')}, ${memberId})`
}
