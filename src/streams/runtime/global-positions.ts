import { listOffsets } from '../../client/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import type { GlobalTable } from '../graph/topology.ts'
import type { TaskState } from '../state/byte-store.ts'
import { resumeOffset, StaleStateError, writeLogMark } from './log-mark.ts'
import type { Logger } from './logger.ts'

/** How far one partition of a global table has come. */
export interface GlobalPartition {
  readonly table: GlobalTable
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  /** Everything below is in the store. */
  next: number
  /** Where the topic ended when the filling began. */
  readonly end: number
  /** Read since then. */
  records: number
}

/** What the commit of a table's rows records with them. */
export function globalMark(
  { store }: GlobalTable,
  { topicId, partition, next }: Pick<GlobalPartition, 'topicId' | 'partition' | 'next'>,
): Record<string, string> {
  return { [markName(store.name, partition)]: writeLogMark(topicId, next) }
}

/**
 * All partitions of the tables, with where their stores stand. A table whose rows cannot be continued from its topic
 * is emptied and begins anew.
 */
export async function openPositions(
  cluster: Cluster,
  tables: readonly GlobalTable[],
  state: TaskState,
  logger: Logger,
): Promise<GlobalPartition[]> {
  const all: GlobalPartition[] = []
  for (const table of tables) {
    const extents = await extentsOf(cluster, table.topic)
    const nextOf = ({ partition, ...extent }: Extent): number =>
      resumeOffset(table.store.name, state.metadata(markName(table.store.name, partition)), extent)
    let nexts: number[]
    try {
      nexts = extents.map(nextOf)
    } catch (error) {
      if (!(error instanceof StaleStateError)) throw error
      logger.warn(
        `The global table "${table.store.name}" is dropped and read from the start: ${error.message}.`,
      )
      nexts = extents.map(({ start }) => start)
      empty(state, table, extents)
    }
    for (const [index, { topic, topicId, partition, end }] of extents.entries()) {
      all.push({ table, topic, topicId, partition, next: nexts[index] as number, end, records: 0 })
    }
  }
  return all
}

interface Extent {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly start: number
  readonly end: number
}

async function extentsOf(cluster: Cluster, topic: string): Promise<Extent[]> {
  const { topicId, leaders } = await cluster.metadata.require(topic)
  const places = leaders.map((_, partition) => ({ topic, partition }))
  const [starts, ends] = await Promise.all(
    (['earliest', 'latest'] as const).map(at =>
      listOffsets(
        cluster,
        places.map(place => ({ ...place, at })),
      ),
    ),
  )
  return places.map(({ partition }) => ({
    topic,
    topicId,
    partition,
    start: starts?.[partition]?.offset ?? 0,
    end: ends?.[partition]?.offset ?? 0,
  }))
}

function empty(state: TaskState, table: GlobalTable, extents: readonly Extent[]): void {
  // Indexes beside the store are rebuilt when it is opened.
  const marks: Record<string, string> = { [`observer/${table.store.name}`]: 'emptied' }
  for (const { topicId, partition, start } of extents) {
    Object.assign(marks, globalMark(table, { topicId, partition, next: start }))
  }
  state.commit([{ store: table.store.name, clear: true, entries: [] }], marks)
}

function markName(store: string, partition: number): string {
  return `global/${store}/${partition}`
}
