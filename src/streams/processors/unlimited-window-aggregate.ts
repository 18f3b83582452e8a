import type { Codec } from '../../contracts/codec.ts'
import { assert } from '../../internal/assert.ts'
import type { KeyValueStore } from '../state/store.ts'
import { Cell } from './cell.ts'
import { RowWriter, type TableState } from './materialised.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'
import type { WindowFold } from './window-fold.ts'
import { windowStoreKeyBytes } from './windowed-key.ts'
import type { UnlimitedWindows } from './windows.ts'
import { missing } from './drop-reason.ts'

/*
 * Algorithm: a record at the window's start or after it updates the row of its key; one before it is in no window.
 *
 * State: one row per key, under its windowed key.
 *
 * Correctness: the window has no end, so nothing is ever late, closes or expires.
 */

export interface UnlimitedAggregatePlan {
  readonly windows: UnlimitedWindows
  readonly fold: WindowFold
  readonly state: TableState
  readonly windowKey: Codec<unknown>
}

/** Kafka Streams: KStreamWindowAggregate over UnlimitedWindows. */
export function unlimitedWindowAggregate(plan: UnlimitedAggregatePlan): ProcessorFactory {
  return (context, next) => new UnlimitedWindowAggregate(plan, context, next)
}

class UnlimitedWindowAggregate implements Processor {
  readonly #plan: UnlimitedAggregatePlan
  readonly #store: KeyValueStore<unknown>
  readonly #rows: RowWriter
  readonly #node: string
  readonly #task: TaskContext

  constructor(plan: UnlimitedAggregatePlan, context: ProcessorContext, next: Processor) {
    assert(plan.state.store !== undefined, 'a windowed aggregate without a store')
    this.#plan = plan
    this.#store = context.keyValue(plan.state.store)
    this.#rows = new RowWriter(this.#store, plan.state, next)
    this.#node = context.node
    this.#task = context.task
  }

  process(record: StreamRecord): void {
    const { key, value, timestamp } = record
    if (key === null || value === null) return this.#task.drop(this.#node, missing(record))
    const { windows, fold, windowKey } = this.#plan
    if (timestamp < windows.startMs) return
    this.#task.node = this.#node
    const cell = Cell.ofBytes(windowStoreKeyBytes(windows.startMs, key.bytes), windowKey)
    const row = this.#store.get(cell.byteString)
    const change = { old: row?.value ?? null, value: fold(row?.value, value, key) }
    this.#rows.replace(record.withKey(cell), change, Math.max(timestamp, row?.timestamp ?? 0))
  }
}
