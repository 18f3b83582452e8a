import type { Codec } from '../../contracts/codec.ts'
import { type Cell, cellOf } from './cell.ts'
import type { Mapper } from './functions.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import { StreamRecord } from './stream-record.ts'

/** Gives the new key and the new value of a row; either may be null, the row then belongs to no group. */
export type RowSelector = (value: unknown, key: unknown) => readonly [unknown, unknown]

/** The group key is computed, the value stays. */
export function byKey(selector: Mapper): RowSelector {
  return (value, key) => [selector(value, key), value]
}

/**
 * Sends each change of a table to the groups that it leaves and enters (Kafka Streams: KTableRepartitionMap). When both
 * are the same group it goes as one record with both values, so that the group never shows a state between (KIP-904);
 * else the subtraction goes before the addition. A row that is not the latest of its key changes no group.
 */
export function tableGroupBy(
  selector: RowSelector,
  codecs: { key: Codec<unknown>; value: Codec<unknown> },
): ProcessorFactory {
  return (context, next) => new TableGroupBy(selector, codecs, context, next)
}

class TableGroupBy implements Processor {
  readonly #selector: RowSelector
  readonly #key: Codec<unknown>
  readonly #value: Codec<unknown>
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(
    selector: RowSelector,
    codecs: { key: Codec<unknown>; value: Codec<unknown> },
    context: ProcessorContext,
    next: Processor,
  ) {
    this.#selector = selector
    this.#key = codecs.key
    this.#value = codecs.value
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    if (!record.isLatest) return this.#task.drop(this.#node, 'outdated')
    this.#task.node = this.#node
    const entered = this.#member(record.value, record)
    const left = this.#member(record.old, record)
    if (left !== null && entered !== null && left.key.byteString === entered.key.byteString) {
      this.#send(record, left.key, entered.value, left.value)
      return
    }
    if (left !== null) this.#send(record, left.key, null, left.value)
    if (entered !== null) this.#send(record, entered.key, entered.value, null)
  }

  #member(row: Cell | null, record: StreamRecord): { key: Cell; value: Cell } | null {
    if (row === null) return null
    const [newKey, newValue] = this.#selector(row.value, (record.key as Cell).value)
    const key = cellOf(newKey, this.#key)
    // The row's own cell keeps its bytes.
    const value = newValue === row.value && this.#value === row.codec ? row : cellOf(newValue, this.#value)
    return key === null || value === null ? null : { key, value }
  }

  #send(record: StreamRecord, key: Cell, value: Cell | null, old: Cell | null): void {
    const { timestamp, headers, isLatest } = record
    this.#next.process(new StreamRecord(key, value, old, timestamp, headers, isLatest))
  }
}
