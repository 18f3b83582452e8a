import { createTopics, describeTopics } from '../../client/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import { Producer } from '../../client/producer.ts'
import { readTopic } from '../../client/read-topic.ts'
import { EvertError } from '../../errors.ts'
import type { StateLayout } from '../graph/state-layout.ts'

/** See FORMAT.md. */
const FORMAT = 1
const KEY = Buffer.from('topology')

/** Where the layout of an application's last topology is kept, for all instances and beyond any of their disks. */
export function topologyTopic(applicationId: string): string {
  return `${applicationId}-topology`
}

/** The layout that was written last; undefined when there is none. Throws NEWER_FORMAT and DAMAGED_DATA. */
export async function readLayout(cluster: Cluster, applicationId: string): Promise<StateLayout | undefined> {
  const topic = topologyTopic(applicationId)
  const [description] = await describeTopics(cluster, [topic])
  if (description === undefined) return undefined
  let latest: Buffer | undefined
  for await (const { batches } of readTopic(cluster, topic)) {
    for (const batch of batches) {
      const records = batch.records()
      for (let i = 0; i < records.count; i++) {
        if (records.key(i)?.equals(KEY) === true) latest = Buffer.from(records.value(i) ?? [])
      }
    }
  }
  return latest === undefined || latest.length === 0 ? undefined : parseLayout(topic, latest)
}

export async function writeLayout(
  cluster: Cluster,
  applicationId: string,
  layout: StateLayout,
): Promise<void> {
  const topic = topologyTopic(applicationId)
  await createTopics(cluster, [{ name: topic, partitions: 1, configs: { 'cleanup.policy': 'compact' } }])
  // Names repeat a lot: a large topology stays far below the limit of a record.
  await using producer = new Producer(cluster, { compression: 'gzip' })
  await producer.send({
    topic,
    partition: 0,
    key: KEY,
    value: Buffer.from(JSON.stringify({ format: FORMAT, ...layout })),
  })
}

function parseLayout(topic: string, value: Buffer): StateLayout {
  let found: StateLayout & { readonly format?: unknown }
  try {
    found = JSON.parse(value.toString('utf8')) as typeof found
  } catch (cause) {
    throw damaged(topic, cause)
  }
  if (typeof found.format === 'number' && found.format > FORMAT) {
    throw new EvertError(
      'NEWER_FORMAT',
      `The topic "${topic}" was written by a newer release (format ${found.format}; this one knows ${FORMAT}). ` +
        'Start the application with that release.',
    )
  }
  const { format, operators, stores, repartitions } = found
  const lists: unknown[] = [operators, stores, repartitions]
  if (format !== FORMAT || !lists.every(Array.isArray)) throw damaged(topic)
  return { operators, stores, repartitions }
}

function damaged(topic: string, cause?: unknown): EvertError {
  return new EvertError(
    'DAMAGED_DATA',
    `The topic "${topic}" does not hold the layout of a topology. If another program wrote there, delete the topic: ` +
      'the next start then takes the topology as it is.',
    { cause },
  )
}
