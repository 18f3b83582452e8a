import type { Codec } from '../../contracts/codec.ts'
import { type Cell, cellOf } from './cell.ts'
import type { Mapper } from './functions.ts'
import type { LookupFactory } from './lookup.ts'
import { haveSameBytes, type RowWriter, rowWriter, type TableState } from './materialised.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/** A table of mapped rows (Kafka Streams: KTableMapValues). Tombstones stay tombstones; the mapper never sees null. */
export function tableMapValues(mapper: Mapper, state: TableState): ProcessorFactory {
  return (context, next) => {
    const mapped = new Mapped(mapper, state.value, context)
    if (state.store === undefined && state.emitOnChange) return new ChangedTableMapValues(mapped, state, next)
    return state.store === undefined
      ? new PlainTableMapValues(mapped, state.sendOldValues, next)
      : new StoredTableMapValues(mapped, rowWriter(context.keyValue(state.store), state, next))
  }
}

/** Rows of a mapped table that keeps none itself: the parent's, mapped on each read. */
export function mappedLookup(mapper: Mapper, parent: LookupFactory): LookupFactory {
  return {
    stores: () => parent.stores(),
    create(context) {
      const rows = parent.create(context)
      return {
        get(key, asOf) {
          const row = rows.get(key, asOf)
          if (row === undefined) return undefined
          const value = mapper(row.value, key.value)
          return value === null || value === undefined ? undefined : { value, timestamp: row.timestamp }
        },
      }
    },
  }
}

class Mapped {
  readonly #mapper: Mapper
  readonly #codec: Codec<unknown>
  readonly #node: string
  readonly #task: TaskContext

  constructor(mapper: Mapper, codec: Codec<unknown>, context: ProcessorContext) {
    this.#mapper = mapper
    this.#codec = codec
    this.#node = context.node
    this.#task = context.task
  }

  of(value: Cell | null, key: Cell): Cell | null {
    if (value === null) return null
    this.#task.node = this.#node
    return cellOf(this.#mapper(value.value, key.value), this.#codec)
  }
}

class PlainTableMapValues implements Processor {
  readonly #mapped: Mapped
  readonly #sendOldValues: boolean
  readonly #next: Processor

  constructor(mapped: Mapped, sendOldValues: boolean, next: Processor) {
    this.#mapped = mapped
    this.#sendOldValues = sendOldValues
    this.#next = next
  }

  process(record: StreamRecord): void {
    const key = record.key as Cell
    const value = this.#mapped.of(record.value, key)
    const old = this.#sendOldValues ? this.#mapped.of(record.old, key) : null
    this.#next.process(record.withChange(value, old, record.timestamp))
  }
}

/** Passes on what differs from the old row mapped; its changes carry old values. */
class ChangedTableMapValues implements Processor {
  readonly #mapped: Mapped
  readonly #state: TableState
  readonly #next: Processor

  constructor(mapped: Mapped, state: TableState, next: Processor) {
    this.#mapped = mapped
    this.#state = state
    this.#next = next
  }

  process(record: StreamRecord): void {
    const { sendOldValues, value: codec } = this.#state
    const key = record.key as Cell
    const value = this.#mapped.of(record.value, key)
    const old = this.#mapped.of(record.old, key)
    if (value === null ? old === null : old !== null && haveSameBytes(old.value, value.value, codec)) return
    this.#next.process(record.withChange(value, sendOldValues ? old : null, record.timestamp))
  }
}

class StoredTableMapValues implements Processor {
  readonly #mapped: Mapped
  readonly #rows: RowWriter

  constructor(mapped: Mapped, rows: RowWriter) {
    this.#mapped = mapped
    this.#rows = rows
  }

  process(record: StreamRecord): void {
    this.#rows.write(record, this.#mapped.of(record.value, record.key as Cell))
  }
}
