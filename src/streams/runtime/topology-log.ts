import { createTopics, describeTopics } from '../../client/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import { Producer } from '../../client/producer.ts'
import { readTopic } from '../../client/read-topic.ts'
import { EvertError } from '../../errors.ts'
import type { StateLayout } from '../graph/state-layout.ts'

/** See FORMAT.md. */
const FORMAT = 1
const LAYOUT = 'topology'
const REWIND = 'rewind'

/** What an application keeps about itself. */
export interface TopologyLog {
  /** Of the topology that started last; undefined when there is none, or a rewind came after it. */
  readonly layout: StateLayout | undefined
  /** The rewind that was begun last. */
  readonly rewind: RewindEntry | undefined
}

/** One rewind: what it was to do, so that it can be made again when it did not come to its end. */
export interface RewindEntry {
  /** A random text: state that does not know it is from before. */
  readonly id: string
  readonly isDone: boolean
  /** The input offsets that it sets. */
  readonly offsets: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[]
  /** The topics that it deletes. */
  readonly internalTopics: readonly string[]
}

/** Where the layout of an application's last topology is kept, for all instances and beyond any of their disks. */
export function topologyTopic(applicationId: string): string {
  return `${applicationId}-topology`
}

/** What was written last; nothing when the topic is not there. Throws NEWER_FORMAT and DAMAGED_DATA. */
export async function readTopologyLog(cluster: Cluster, applicationId: string): Promise<TopologyLog> {
  const topic = topologyTopic(applicationId)
  const [description] = await describeTopics(cluster, [topic])
  const latest = new Map<string, Buffer>()
  if (description === undefined) return { layout: undefined, rewind: undefined }
  for await (const { batches } of readTopic(cluster, topic)) {
    for (const batch of batches) {
      const records = batch.records()
      for (let i = 0; i < records.count; i++) {
        const key = records.key(i)?.toString('latin1') ?? ''
        if (key === LAYOUT || key === REWIND) latest.set(key, Buffer.from(records.value(i) ?? []))
      }
    }
  }
  const valueOf = <T extends object>(key: string, lists: readonly (keyof T)[]): T | undefined => {
    const value = latest.get(key)
    return value === undefined || value.length === 0 ? undefined : parse<T>(topic, value, lists)
  }
  return {
    layout: valueOf<StateLayout>(LAYOUT, ['operators', 'stores', 'repartitions']),
    rewind: valueOf<RewindEntry>(REWIND, ['offsets', 'internalTopics']),
  }
}

export function writeLayout(cluster: Cluster, applicationId: string, layout: StateLayout): Promise<void> {
  return write(cluster, applicationId, [[LAYOUT, layout]])
}

/** Undefined: as if there had never been one. */
export function writeRewind(
  cluster: Cluster,
  applicationId: string,
  rewind: RewindEntry | undefined,
): Promise<void> {
  return write(cluster, applicationId, [[REWIND, rewind]])
}

/** With the end of a rewind the layout goes: there is no state that another topology could lose. */
export function endRewind(cluster: Cluster, applicationId: string, rewind: RewindEntry): Promise<void> {
  return write(cluster, applicationId, [
    [LAYOUT, undefined],
    [REWIND, { ...rewind, isDone: true }],
  ])
}

async function write(
  cluster: Cluster,
  applicationId: string,
  entries: readonly (readonly [key: string, value: object | undefined])[],
): Promise<void> {
  const topic = topologyTopic(applicationId)
  await createTopics(cluster, [{ name: topic, partitions: 1, configs: { 'cleanup.policy': 'compact' } }])
  // Names repeat a lot: a large topology stays far below the limit of a record.
  await using producer = new Producer(cluster, { compression: 'gzip' })
  for (const [key, value] of entries) {
    await producer.send({
      topic,
      partition: 0,
      key: Buffer.from(key),
      value: value === undefined ? null : Buffer.from(JSON.stringify({ format: FORMAT, ...value })),
    })
  }
}

function parse<T extends object>(topic: string, value: Buffer, lists: readonly (keyof T)[]): T {
  let found: T & { readonly format?: unknown }
  try {
    found = JSON.parse(value.toString('utf8')) as typeof found
  } catch (cause) {
    throw damaged(topic, cause)
  }
  const { format, ...entry } = found
  if (typeof format === 'number' && format > FORMAT) {
    throw new EvertError(
      'NEWER_FORMAT',
      `The topic "${topic}" was written by a newer release (format ${format}; this one knows ${FORMAT}). ` +
        'Start the application with that release.',
    )
  }
  if (format !== FORMAT || !lists.every(list => Array.isArray(found[list]))) throw damaged(topic)
  return entry as unknown as T
}

function damaged(topic: string, cause?: unknown): EvertError {
  return new EvertError(
    'DAMAGED_DATA',
    `The topic "${topic}" does not hold the layout of a topology. If another program wrote there, delete the topic: ` +
      'the next start then takes the topology as it is.',
    { cause },
  )
}
