import { committedOffsets, deleteTopics, describeTopics, listOffsets } from '../../client/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import { readTopic } from '../../client/read-topic.ts'
import { EvertError } from '../../errors.ts'
import { changesInWords, risksInWords } from '../graph/explain-changes.ts'
import { compareLayouts, type Risk } from '../graph/layout-changes.ts'
import { stateLayout } from '../graph/state-layout.ts'
import type { Topology } from '../graph/topology.ts'
import type { Logger } from './logger.ts'
import { readTopologyLog, topologyTopic, writeLayout } from './topology-log.ts'

export interface TopologyCheckOptions {
  readonly cluster: Cluster
  readonly topology: Topology
  readonly onChange: 'refuse' | 'accept'
  readonly logger: Logger
}

/**
 * Compares the topology with the one that was started last, anywhere, and then takes its place.
 *
 * Algorithm: the layout of each topology that starts is kept in a compacted topic of the application. Differences
 * that could cost state are risks; a risk is real when the topic behind it holds records. With a real risk nothing
 * starts, unless it is accepted; all other changes are logged.
 *
 * Why it is correct: it runs before this instance joins the group, so nothing was processed by the new topology
 * when it is refused. The topic is on the cluster, as are the changelogs that it speaks of: local state may be lost
 * or belong to another instance.
 *
 * Resolves to the id of the application's last rewind, if there was one: state from before it is void.
 *
 * Throws TOPOLOGY_CHANGED; REWIND_UNFINISHED; INVALID_TOPOLOGY when the topology uses that topic itself.
 */
export async function checkTopology(options: TopologyCheckOptions): Promise<string | undefined> {
  const { cluster, topology, onChange, logger } = options
  const { applicationId } = topology
  assertTopicIsFree(topology)
  const now = stateLayout(topology)
  const { layout: before, rewind } = await readTopologyLog(cluster, applicationId)
  if (rewind?.isDone === false) throw unfinished(applicationId)
  if (before === undefined) {
    if (now.stores.length + now.repartitions.length > 0) await writeLayout(cluster, applicationId, now)
    return rewind?.id
  }
  if (JSON.stringify(before) === JSON.stringify(now)) return rewind?.id
  const changes = compareLayouts(before, now)
  const real: Risk[] = []
  for (const risk of changes.risks) if (await isReal(cluster, applicationId, risk)) real.push(risk)
  const outdated = real.filter(risk => risk.kind === 'outdated').map(({ store }) => store)
  const newStores = changes.newStores.filter(store => !outdated.includes(store))
  const changed = changesInWords({ ...changes, newStores })
  if (real.length > 0) {
    const told = explanation(applicationId, risksInWords(real), changed)
    if (onChange === 'refuse') throw new EvertError('TOPOLOGY_CHANGED', told)
    logger.warn(`${told}\nThis was accepted.`)
    // Local copies of their rows are dropped with them: they know which topic they came from.
    await deleteTopics(
      cluster,
      outdated.flatMap(({ changelog }) => (changelog === null ? [] : [changelog])),
    )
  } else if (changed.length > 0) {
    logger.info(`The topology of "${applicationId}" changed, and keeps its state: ${changed.join('; ')}.`)
  }
  await writeLayout(cluster, applicationId, now)
  return rewind?.id
}

function unfinished(applicationId: string): EvertError {
  return new EvertError(
    'REWIND_UNFINISHED',
    `A rewind of "${applicationId}" is under way, or ended before it was done: offsets and state do not fit together. ` +
      `Wait for it, or make it again: evert rewind ${applicationId} --to …`,
  )
}

function explanation(applicationId: string, risks: readonly string[], changed: readonly string[]): string {
  const list = (lines: readonly string[]) => lines.map(line => `\n  - ${line}`).join('')
  return (
    `The topology of "${applicationId}" is not the one whose state is there:${list(risks)}` +
    `\nWhat changed:${changed.length === 0 ? ' formats alone.' : list(changed)}` +
    "\nTo start it as it is now, without that state, accept it once: start({ onTopologyChange: 'accept' })."
  )
}

/** A topic that is empty, or gone, takes nothing with it. */
async function isReal(cluster: Cluster, groupId: string, { kind, topic }: Risk): Promise<boolean> {
  const [description] = await describeTopics(cluster, [topic])
  if (description === undefined) return false
  const places = description.partitions.map(({ partition }) => ({ topic, partition }))
  const ends = await listOffsets(
    cluster,
    places.map(place => ({ ...place, at: 'latest' as const })),
  )
  // Processed records of a repartition topic are purged; the state behind it still goes by their keys.
  if (kind === 'rekeyed') return ends.some(({ offset }) => offset > 0)
  const starts = await listOffsets(
    cluster,
    places.map(place => ({ ...place, at: 'earliest' as const })),
  )
  const holdsRecords = ends.some(({ offset }, i) => offset > (starts[i]?.offset ?? 0))
  if (kind !== 'unread' || !holdsRecords) return holdsRecords
  const committed = await committedOffsets(cluster, { groupId }, places)
  for (const [i, { partition, offset: end }] of ends.entries()) {
    const reached = committed.find(place => place.partition === partition)?.offset ?? 0
    const from = Math.max(reached, starts[i]?.offset ?? 0)
    if (from < end && (await holdsRecordsFrom(cluster, topic, partition, from))) return true
  }
  return false
}

/** Markers of transactions take offsets too, and are no records. */
async function holdsRecordsFrom(
  cluster: Cluster,
  topic: string,
  partition: number,
  from: number,
): Promise<boolean> {
  for await (const { batches } of readTopic(cluster, topic, { from, partitions: [partition] })) {
    if (batches.some(batch => batch.lastOffset >= from)) return true
  }
  return false
}

function assertTopicIsFree({ applicationId, topics, subTopologies }: Topology): void {
  const own = topologyTopic(applicationId)
  const isUsed =
    topics.some(({ name }) => name === own) || subTopologies.some(part => part.sourceTopics.includes(own))
  if (!isUsed) return
  throw new EvertError(
    'INVALID_TOPOLOGY',
    `The topic "${own}" belongs to the application "${applicationId}" itself, which keeps the layout of its topology ` +
      'there. Rename the application or the topic.',
  )
}
