import type { Codec } from '../../contracts/codec.ts'
import type { Plan, PlanNode } from '../graph/plan.ts'
import type { KStream } from './kstream.ts'
import type { KTable } from './ktable.ts'
import type { TableParts } from './table-parts.ts'

/** What all handles of one builder share: the plan, and how to make further handles. */
export interface DslContext {
  readonly plan: Plan
  stream<K, V>(parts: StreamParts<K, V>): KStream<K, V>
  table<K, V>(parts: KTableParts<K, V>): KTable<K, V>
}

export interface StreamParts<K, V> {
  readonly node: PlanNode
  readonly key: Codec<K>
  readonly value: Codec<V>
  /** The source nodes whose partitions its keys still follow. */
  readonly sources: readonly PlanNode[]
  /** The key was changed since: whatever depends on the key repartitions first. */
  readonly keyChanged: boolean
}

/** What the keys of a table of windows are. */
export interface TableWindow {
  readonly isSession: boolean
  /**
   * How long after its start (of a session: its end) a window closes: its size (of a session: the gap), then the
   * grace. Infinity: never.
   */
  readonly closesAfterMs: number
}

export interface KTableParts<K, V> {
  readonly node: PlanNode
  readonly key: Codec<K>
  readonly value: Codec<V>
  readonly sources: readonly PlanNode[]
  readonly table: TableParts
  /** Of a table whose keys are windows of one kind. */
  readonly window?: TableWindow | undefined
}

/** Both sides' records must meet in one task. Returns the sources of the result. */
export function coPartition(
  plan: Plan,
  operator: string,
  ...sides: readonly (readonly PlanNode[])[]
): PlanNode[] {
  const sources = [...new Set(sides.flat())]
  plan.coPartitioned.push({ operator, sources })
  return sources
}
