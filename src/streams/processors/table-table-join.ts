import type { Codec } from '../../contracts/codec.ts'
import { type Cell, cellOf } from './cell.ts'
import type { Joiner } from './functions.ts'
import type { Lookup, LookupFactory } from './lookup.ts'
import type { TableState } from './materialised.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/*
 * Algorithm: each side of a table-table join has a processor. A change on its side is joined with the row that the
 * other side has now, the new value and (where asked for) the old value alike, and both processors feed one merge
 * node. The result's timestamp is the greater of the change's and the other row's.
 *
 * State: none of its own; the rows of both sides, read through their lookups.
 *
 * Correctness: both tables change one record at a time within a task, so the pair (change, other row) is the whole
 * difference of the joined row. A row of a versioned table that is not the latest of its key changes none. (Kafka Streams: KTableKTableInnerJoin, -LeftJoin, -RightJoin, -OuterJoin.)
 */

/** Which sides must have a row for the joined row to exist. */
export interface JoinSide {
  /** The joined row exists though this side has no row. */
  readonly withoutThis: boolean
  /** The joined row exists though the other side has no row. */
  readonly withoutOther: boolean
  /** This side is the joiner's left argument. */
  readonly isLeft: boolean
}

export interface TableJoinPlan {
  readonly side: JoinSide
  readonly other: LookupFactory
  readonly joiner: Joiner
  readonly state: TableState
}

export function tableTableJoin(plan: TableJoinPlan): ProcessorFactory {
  return (context, next) => new TableTableJoin(plan, context, next)
}

/** Rows of a joined table that keeps none itself: joined on each read. */
export function joinedLookup(
  { left, right }: { left: LookupFactory; right: LookupFactory },
  { withoutLeft, withoutRight }: { withoutLeft: boolean; withoutRight: boolean },
  joiner: Joiner,
): LookupFactory {
  return {
    stores: () => [...left.stores(), ...right.stores()],
    create(context) {
      const leftRows = left.create(context)
      const rightRows = right.create(context)
      return {
        get(key) {
          const leftRow = leftRows.get(key)
          if (leftRow === undefined && !withoutLeft) return undefined
          const rightRow = rightRows.get(key)
          if (rightRow === undefined && (!withoutRight || leftRow === undefined)) return undefined
          const value = joiner(leftRow?.value ?? null, rightRow?.value ?? null, key.value)
          if (value === null || value === undefined) return undefined
          return { value, timestamp: Math.max(leftRow?.timestamp ?? -1, rightRow?.timestamp ?? -1) }
        },
      }
    },
  }
}

class TableTableJoin implements Processor {
  readonly #other: Lookup
  readonly #join: Joiner
  readonly #withoutThis: boolean
  readonly #withoutOther: boolean
  readonly #sendOldValues: boolean
  readonly #codec: Codec<unknown>
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor({ side, other, joiner, state }: TableJoinPlan, context: ProcessorContext, next: Processor) {
    this.#other = other.create(context)
    this.#join = side.isLeft ? joiner : (mine, others, key) => joiner(others, mine, key)
    this.#withoutThis = side.withoutThis
    this.#withoutOther = side.withoutOther
    this.#sendOldValues = state.sendOldValues
    this.#codec = state.value
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    if (!record.isLatest) return this.#task.drop(this.#node, 'outdated')
    this.#task.node = this.#node
    const key = record.key as Cell
    const row = this.#other.get(key)
    if (row === undefined && (!this.#withoutOther || (record.value === null && record.old === null))) return
    const other = row === undefined ? null : row.value
    this.#next.process(
      record.withChange(
        this.#joined(record.value, other, key),
        this.#sendOldValues ? this.#joined(record.old, other, key) : null,
        row === undefined ? record.timestamp : Math.max(record.timestamp, row.timestamp),
      ),
    )
  }

  #joined(mine: Cell | null, other: unknown, key: Cell): Cell | null {
    if (mine === null && (!this.#withoutThis || other === null)) return null
    return cellOf(this.#join(mine === null ? null : mine.value, other, key.value), this.#codec)
  }
}
