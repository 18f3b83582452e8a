import { randomUUID } from 'node:crypto'
import { deleteTopics } from '../../client/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import { commitOffsets } from '../../client/group-offsets.ts'
import { deleteGroup } from '../../client/groups.ts'
import { forgetSkipped } from '../runtime/skipped-records.ts'
import { endRewind, writeRewind } from '../runtime/topology-log.ts'
import type { KnownApplication } from './known-application.ts'
import type { InputOffset, RewindPlan } from './rewind.ts'

/**
 * Sets the offsets of an application's inputs, and removes all of its state from the cluster.
 *
 * Algorithm: what is to be done is written down first, in the application's own topic; then changelogs and repartition
 * topics are deleted, then the group with its offsets, then the new offsets are committed, in one request; then it is
 * written down that this is done.
 *
 * Why it is correct: between the two notes no instance starts (checkTopology), so none sees offsets and state that do
 * not fit together. Every step may be made again, and whoever begins again knows from the first note the topics to
 * delete and the offsets to set. An instance that joins all the same makes the deletion or the commit fail, since
 * Kafka refuses both for a group with members.
 *
 * Throws what the cluster refuses.
 */
export async function executeRewind(
  cluster: Cluster,
  known: KnownApplication,
  plan: RewindPlan,
): Promise<void> {
  const { applicationId, internalTopics } = plan
  const offsets = offsetsOf(known, plan)
  const entry = { id: randomUUID(), isDone: false, offsets, internalTopics }
  await writeRewind(cluster, applicationId, entry)
  if (internalTopics.length > 0) await deleteTopics(cluster, internalTopics)
  await forgetSkipped(cluster, applicationId, offsets)
  await deleteGroup(cluster, applicationId)
  if (offsets.length > 0) await commitOffsets(cluster, { groupId: applicationId }, offsets)
  await endRewind(cluster, applicationId, entry)
}

/** Those of the inputs, and what was committed of topics that are none (any more). The time of tasks begins anew. */
function offsetsOf({ committed, inputs }: KnownApplication, plan: RewindPlan): InputOffset[] {
  const internal = new Set(plan.internalTopics)
  return [
    ...plan.inputs.flatMap(({ topic, partition, to }) =>
      to === undefined ? [] : [{ topic, partition, offset: to }],
    ),
    ...committed
      .filter(({ topic }) => !inputs.has(topic) && !internal.has(topic))
      .map(({ topic, partition, offset }) => ({ topic, partition, offset })),
  ]
}
