import { cellOf } from './cell.ts'
import type { LookupFactory } from './lookup.ts'
import type { TableState } from './materialised.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import { StreamRecord } from './stream-record.ts'
import { VersionedRows } from './versioned-rows.ts'

/** Where a versioned table keeps its rows. */
export interface VersionedStores {
  readonly latest: string
  readonly history: string
  readonly historyRetentionMs: number
}

/**
 * Turns a stream of upserts into a versioned table (Kafka Streams: KTableSource over a versioned store): its row is
 * the record with the greatest timestamp. One that comes after a later one is passed on as not the latest, and
 * operators that follow the current state pass over it; one that is older than the history is dropped.
 */
export function versionedTableSource(stores: VersionedStores, state: TableState): ProcessorFactory {
  return (context, next) => new VersionedTableSource(stores, state, context, next)
}

/** Rows as they are, or as they were at a time. */
export function versionedLookup(stores: VersionedStores): LookupFactory {
  return {
    stores: () => [stores.latest, stores.history],
    create(context) {
      const latest = context.keyValue<unknown>(stores.latest)
      const rows = openVersionedRows(stores, context)
      return {
        get: (key, asOf) =>
          asOf === undefined ? latest.get(key.byteString) : rows.get(key.byteString, asOf),
      }
    },
  }
}

function openVersionedRows(stores: VersionedStores, context: ProcessorContext): VersionedRows {
  const { latest, history, historyRetentionMs } = stores
  return new VersionedRows(context.keyValue(latest), context.keyValue(history), historyRetentionMs)
}

class VersionedTableSource implements Processor {
  readonly #stores: VersionedStores
  readonly #state: TableState
  readonly #rows: VersionedRows
  readonly #context: ProcessorContext
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(stores: VersionedStores, state: TableState, context: ProcessorContext, next: Processor) {
    this.#stores = stores
    this.#state = state
    this.#rows = openVersionedRows(stores, context)
    this.#context = context
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    const { key, value, timestamp, headers } = record
    const { node } = this.#context
    this.#task.node = node
    if (key === null) return this.#task.drop(node, 'null-key')
    const old = this.#state.sendOldValues ? this.#latest(key.byteString) : null
    const outcome = this.#rows.put(key.byteString, value === null ? null : value.value, timestamp)
    if (outcome === 'expired') return this.#task.drop(node, 'expired')
    this.#next.process(new StreamRecord(key, value, old, timestamp, headers, outcome === 'latest'))
  }

  #latest(key: string) {
    const row = this.#context.keyValue<unknown>(this.#stores.latest).get(key)
    return row === undefined ? null : cellOf(row.value, this.#state.value)
  }
}
