import { createTopics, describeTopics } from '../../client/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import { Producer } from '../../client/producer.ts'
import { readTopic } from '../../client/read-topic.ts'
import type { SubTopology } from '../graph/topology.ts'
import { TaskRules } from './error-rules.ts'
import type { ErrorPolicy } from '../processors/error-policy.ts'

/*
 * Records that an error policy passed over in topics which are a table's changelog at the same time. Their rows were
 * taken back, yet they are in the topic for good: without a note of them a restore from the topic would bring back
 * rows that nothing downstream ever saw, or bytes that do not decode. The notes are written in the transaction that
 * passes over the record. See FORMAT.md.
 */

/** Where an application notes them; made when it first may need it. */
export function skippedTopic(applicationId: string): string {
  return `${applicationId}-skipped`
}

export async function createSkippedTopic(cluster: Cluster, applicationId: string): Promise<void> {
  const name = skippedTopic(applicationId)
  await createTopics(cluster, [{ name, partitions: 1, configs: { 'cleanup.policy': 'compact' } }])
}

/** The source topics of which records have to be noted: those that tables are restored from. */
export function restoredSources({ stores }: SubTopology): ReadonlySet<string> {
  return new Set(stores.flatMap(({ changelog }) => (changelog?.isSource === true ? [changelog.topic] : [])))
}

/** Whether its task may have records to note. */
export function mayPassOver(part: SubTopology, onError: ErrorPolicy | undefined): boolean {
  return restoredSources(part).size > 0 && new TaskRules(part.nodes, onError).mayDrop
}

export interface RecordPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** The key of a record's note; the value is empty, and not a tombstone. */
export function skippedKey({ topic, partition, offset }: RecordPlace): Buffer {
  return Buffer.from(`${topic}/${partition}/${offset}`)
}

export const NOTED = Buffer.alloc(0)

/** The offsets that were passed over in one partition of the topics. */
export async function readSkipped(
  cluster: Cluster,
  applicationId: string,
  { topics, partition }: { readonly topics: ReadonlySet<string>; readonly partition: number },
): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
  const skipped = new Map(Array.from(topics, topic => [topic, new Set<number>()]))
  const notes = skippedTopic(applicationId)
  const [description] = await describeTopics(cluster, [notes])
  if (description === undefined) return skipped
  for await (const { batches } of readTopic(cluster, notes)) {
    for (const batch of batches) {
      const records = batch.records()
      for (let i = 0; i < records.count; i++) {
        const [topic = '', of, offset] = (records.key(i)?.toString('latin1') ?? '').split('/')
        if (Number(of) !== partition) continue
        if (records.value(i) === null) skipped.get(topic)?.delete(Number(offset))
        else skipped.get(topic)?.add(Number(offset))
      }
    }
  }
  return skipped
}

/** Takes back the notes from the given offsets on: these records are processed again, and decided anew. */
export async function forgetSkipped(
  cluster: Cluster,
  applicationId: string,
  froms: readonly RecordPlace[],
): Promise<void> {
  const notes = skippedTopic(applicationId)
  const [description] = await describeTopics(cluster, [notes])
  if (description === undefined) return
  await using producer = new Producer(cluster)
  for (const { topic, partition, offset: from } of froms) {
    const skipped = await readSkipped(cluster, applicationId, { topics: new Set([topic]), partition })
    for (const offset of skipped.get(topic) ?? []) {
      if (offset < from) continue
      producer.append(notes, 0, cluster.clock.nowMs(), skippedKey({ topic, partition, offset }), null, [])
    }
  }
  await producer.flush()
}
