import type { Codec } from '../../contracts/codec.ts'
import type { KeyValueStore } from '../state/store.ts'
import { type Cell, cellOf } from './cell.ts'
import { isNowhere } from './fan-out.ts'
import type { Processor } from './processor.ts'
import { StreamRecord } from './stream-record.ts'

/**
 * What a table must know about its rows, settled while the topology is written and read when a task is built: later
 * operators may still ask for a store or for old values.
 */
export interface TableState {
  /** The name of the store that holds the rows; undefined when they are only computed. */
  store: string | undefined
  /** Changes carry the old value. */
  sendOldValues: boolean
  readonly value: Codec<unknown>
  /** What changes nothing is neither stored nor passed on. */
  readonly emitOnChange: boolean
  /** Rows expire by their timestamps. */
  readonly expires: boolean
  /** Rows that are kept go to a changelog. */
  readonly logged: boolean
}

/** The writer for a table's rows, as its state wants it. */
export function rowWriter(store: KeyValueStore<unknown>, state: TableState, next: Processor): RowWriter {
  return state.emitOnChange ? new ChangedRowWriter(store, state, next) : new RowWriter(store, state, next)
}

/**
 * The end of every table operator that keeps its rows: stores the new value and passes the change on. A tombstone for
 * a row that does not exist changes nothing and is neither stored nor passed on (Kafka Streams does so in its
 * record cache). Rows are applied in offset order, whatever their timestamps, so each is the latest.
 */
export class RowWriter {
  readonly #store: KeyValueStore<unknown>
  readonly #sendOldValues: boolean
  readonly #codec: Codec<unknown>
  readonly #next: Processor
  readonly #forwards: boolean

  constructor(store: KeyValueStore<unknown>, state: TableState, next: Processor) {
    this.#store = store
    this.#sendOldValues = state.sendOldValues
    this.#codec = state.value
    this.#next = next
    this.#forwards = !isNowhere(next)
  }

  /** Replaces the row of the record's key. */
  write(record: StreamRecord, value: Cell | null): void {
    const key = (record.key as Cell).byteString
    let old: Cell | null = null
    if (value === null || this.#sendOldValues) {
      const row = this.#store.get(key)
      if (row === undefined) {
        if (value === null) return
      } else if (this.#sendOldValues) {
        old = cellOf(row.value, this.#codec)
      }
    }
    this.#store.put(key, value === null ? null : value.value, record.timestamp)
    if (!this.#forwards) return
    this.#next.process(latestChange(record, { value, old }, record.timestamp))
  }

  /**
   * The same for an operator that has read the old row (null: none) and computed the new value from it. `timestamp` is
   * the new row's; a deletion has the record's own.
   */
  replace(record: StreamRecord, change: { old: unknown; value: unknown }, timestamp: number): void {
    const { old, value } = change
    const absent = value === null || value === undefined
    if (absent && old === null) return
    const changedAt = absent ? record.timestamp : timestamp
    this.#store.put((record.key as Cell).byteString, absent ? null : value, changedAt)
    if (!this.#forwards) return
    this.#next.process(
      latestChange(
        record,
        {
          value: cellOf(value, this.#codec),
          old: this.#sendOldValues ? cellOf(old, this.#codec) : null,
        },
        changedAt,
      ),
    )
  }
}

/**
 * Passes on only what changes a row: a value whose bytes are those of the row's leaves the row as it is, and with it
 * the timestamp since which it has that value. Only an earlier timestamp counts as a change (KIP-557). Where rows expire
 * the row's timestamp moves on all the same, unseen.
 */
class ChangedRowWriter extends RowWriter {
  readonly #rows: KeyValueStore<unknown>
  readonly #value: Codec<unknown>
  readonly #expires: boolean

  constructor(store: KeyValueStore<unknown>, state: TableState, next: Processor) {
    super(store, state, next)
    this.#rows = store
    this.#value = state.value
    this.#expires = state.expires
  }

  override write(record: StreamRecord, value: Cell | null): void {
    const key = (record.key as Cell).byteString
    const row = value === null ? undefined : this.#rows.get(key)
    if (value === null || row === undefined || record.timestamp < row.timestamp) {
      return super.write(record, value)
    }
    if (!haveSameBytes(row.value, value.value, this.#value)) return super.write(record, value)
    if (this.#expires) this.#rows.put(key, row.value, record.timestamp)
  }

  override replace(record: StreamRecord, change: { old: unknown; value: unknown }, timestamp: number): void {
    const { old, value } = change
    if (old === null || value === null || value === undefined || !haveSameBytes(old, value, this.#value)) {
      return super.replace(record, change, timestamp)
    }
    if (this.#expires) this.#rows.put((record.key as Cell).byteString, old, timestamp)
  }
}

/** Whether two values are the same once they are written. */
export function haveSameBytes(a: unknown, b: unknown, codec: Codec<unknown>): boolean {
  return a === b || codec.encode(a).equals(codec.encode(b))
}

function latestChange(
  { key, headers }: StreamRecord,
  { value, old }: { value: Cell | null; old: Cell | null },
  timestamp: number,
): StreamRecord {
  return new StreamRecord(key, value, old, timestamp, headers, true)
}
