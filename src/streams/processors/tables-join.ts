import type { Codec } from '../../contracts/codec.ts'
import { type Cell, cellOf } from './cell.ts'
import type { Lookup, LookupFactory } from './lookup.ts'
import type { TableState } from './materialised.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/*
 * Algorithm: each member of a join of tables has a processor. A change of its row is joined with the rows that all
 * other members have now, the new value and (where asked for) the old one alike, and all processors feed one merge node.
 * The result's timestamp is the greatest of the change's and the other rows'.
 *
 * State: none of its own; the rows of the members, read through their lookups.
 *
 * Correctness: the joined row exists exactly when every required member has a row, and at least one member has. Tables
 * change one record at a time within a task, so the change with the other rows is the whole difference of the joined
 * row: the same that a chain of joins of two would come to, without the rows between (Kafka Streams has joins of two).
 */

export interface JoinMember {
  readonly name: string
  readonly lookup: LookupFactory
  /** The joined row exists without a row here. */
  readonly optional: boolean
}

export type RowsJoiner = (rows: Readonly<Record<string, unknown>>, key: unknown) => unknown

export interface TablesJoinPlan {
  readonly members: readonly JoinMember[]
  readonly joiner: RowsJoiner
  readonly state: TableState
}

/** The processor of one member, by its place among them. */
export function tablesJoin(plan: TablesJoinPlan, own: number): ProcessorFactory {
  return (context, next) => new TablesJoin(plan, own, { context, next })
}

/** Rows of a joined table that keeps none itself: joined on each read. */
export function tablesJoinLookup({ members, joiner }: Omit<TablesJoinPlan, 'state'>): LookupFactory {
  return {
    stores: () => [...new Set(members.flatMap(({ lookup }) => lookup.stores()))],
    create(context) {
      const others = new OtherRows(members, context)
      return {
        get(key) {
          const rows: Record<string, unknown> = {}
          if (!others.read(key, rows) || others.timestamp < 0) return undefined
          const value = joiner(rows, key.value)
          return value === null || value === undefined ? undefined : { value, timestamp: others.timestamp }
        },
      }
    },
  }
}

/** The rows that members have under a key, but for that of one of them. */
class OtherRows {
  /** The greatest of the rows that were read last; -1 when there was none. */
  timestamp = -1
  readonly #names: readonly string[]
  readonly #isOptional: readonly boolean[]
  readonly #lookups: readonly (Lookup | undefined)[]

  constructor(members: readonly JoinMember[], context: ProcessorContext, own?: number) {
    this.#names = members.map(({ name }) => name)
    this.#isOptional = members.map(({ optional }) => optional)
    this.#lookups = members.map(({ lookup }, i) => (i === own ? undefined : lookup.create(context)))
  }

  /**
   * Fills in the rows, null for those that are missing; false when a required one is. Names are in the order of the
   * members whichever of them changed: what a joiner spreads is always written as the same bytes.
   */
  read(key: Cell, rows: Record<string, unknown>): boolean {
    this.timestamp = -1
    for (let i = 0; i < this.#lookups.length; i++) {
      const lookup = this.#lookups[i]
      if (lookup === undefined) {
        rows[this.#names[i] as string] = null
        continue
      }
      const row = lookup.get(key)
      if (row === undefined && this.#isOptional[i] !== true) return false
      rows[this.#names[i] as string] = row === undefined ? null : row.value
      if (row !== undefined && row.timestamp > this.timestamp) this.timestamp = row.timestamp
    }
    return true
  }
}

class TablesJoin implements Processor {
  readonly #name: string
  readonly #isOptional: boolean
  readonly #others: OtherRows
  readonly #joiner: RowsJoiner
  readonly #state: TableState
  readonly #codec: Codec<unknown>
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(
    { members, joiner, state }: TablesJoinPlan,
    own: number,
    { context, next }: { readonly context: ProcessorContext; readonly next: Processor },
  ) {
    const { name, optional } = members[own] as JoinMember
    this.#name = name
    this.#isOptional = optional
    this.#others = new OtherRows(members, context, own)
    this.#joiner = joiner
    this.#state = state
    this.#codec = state.value
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    const { value, old } = record
    if (!record.isLatest) return this.#task.drop(this.#node, 'outdated')
    if (value === null && old === null) return
    this.#task.node = this.#node
    const key = record.key as Cell
    const rows: Record<string, unknown> = {}
    if (!this.#others.read(key, rows)) return
    const { timestamp } = this.#others
    const before = this.#state.sendOldValues ? this.#joined(old, { ...rows }, key) : null
    this.#next.process(
      record.withChange(this.#joined(value, rows, key), before, Math.max(record.timestamp, timestamp)),
    )
  }

  #joined(own: Cell | null, rows: Record<string, unknown>, key: Cell): Cell | null {
    if (own === null && (!this.#isOptional || this.#others.timestamp < 0)) return null
    rows[this.#name] = own === null ? null : own.value
    return cellOf(this.#joiner(rows, key.value), this.#codec)
  }
}
