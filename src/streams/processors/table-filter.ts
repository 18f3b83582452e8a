import type { Cell } from './cell.ts'
import { type Predicate, refuseAnswer } from './functions.ts'
import type { LookupFactory } from './lookup.ts'
import { RowWriter, type TableState } from './materialised.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/**
 * A table of the rows that fit (Kafka Streams: KTableFilter). A row that does not fit is a tombstone, also when it
 * never fitted before: without a store and without old values the operator cannot know. Of a versioned table every
 * row is passed on: one that is not the latest may be a tombstone of its own time.
 */
export function tableFilter(
  predicate: Predicate,
  { keep, versioned }: { keep: boolean; versioned: () => boolean },
  state: TableState,
): ProcessorFactory {
  return (context, next) => {
    const fits = new Fits(predicate, keep, context)
    return state.store === undefined
      ? new PlainTableFilter(fits, { sendOldValues: state.sendOldValues, versioned: versioned() }, next)
      : new StoredTableFilter(fits, new RowWriter(context.keyValue(state.store), state, next))
  }
}

/** Rows of a filtered table that keeps none itself: the parent's, seen through the predicate. */
export function filteredLookup(predicate: Predicate, keep: boolean, parent: LookupFactory): LookupFactory {
  return {
    stores: () => parent.stores(),
    create(context) {
      const rows = parent.create(context)
      return {
        get(key, asOf) {
          const row = rows.get(key, asOf)
          return row !== undefined && predicate(row.value, key.value) === keep ? row : undefined
        },
      }
    },
  }
}

class Fits {
  readonly #predicate: Predicate
  readonly #keep: boolean
  readonly #node: string
  readonly #task: TaskContext

  constructor(predicate: Predicate, keep: boolean, context: ProcessorContext) {
    this.#predicate = predicate
    this.#keep = keep
    this.#node = context.node
    this.#task = context.task
  }

  /** The value if its row fits, else null. */
  of(value: Cell | null, key: Cell): Cell | null {
    if (value === null) return null
    this.#task.node = this.#node
    const fits = this.#predicate(value.value, key.value)
    if (fits === this.#keep) return value
    if (typeof fits !== 'boolean') refuseAnswer(fits, this.#node)
    return null
  }
}

class PlainTableFilter implements Processor {
  readonly #fits: Fits
  readonly #sendOldValues: boolean
  readonly #versioned: boolean
  readonly #next: Processor

  constructor(fits: Fits, plan: { sendOldValues: boolean; versioned: boolean }, next: Processor) {
    this.#fits = fits
    this.#sendOldValues = plan.sendOldValues
    this.#versioned = plan.versioned
    this.#next = next
  }

  process(record: StreamRecord): void {
    const key = record.key as Cell
    const value = this.#fits.of(record.value, key)
    if (!this.#sendOldValues) {
      this.#next.process(record.withValue(value))
      return
    }
    const old = this.#fits.of(record.old, key)
    if (value === null && old === null && !this.#versioned) return
    this.#next.process(record.withChange(value, old, record.timestamp))
  }
}

class StoredTableFilter implements Processor {
  readonly #fits: Fits
  readonly #rows: RowWriter

  constructor(fits: Fits, rows: RowWriter) {
    this.#fits = fits
    this.#rows = rows
  }

  process(record: StreamRecord): void {
    this.#rows.write(record, this.#fits.of(record.value, record.key as Cell))
  }
}
