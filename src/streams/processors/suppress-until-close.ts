import type { Codec } from '../../contracts/codec.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import { bufferedRow } from './buffered-row.ts'
import { Cell, cellOf } from './cell.ts'
import { OperatorClock } from './operator-clock.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import { type BufferLimits, type Eviction, RowBuffer } from './row-buffer.ts'
import { StreamRecord } from './stream-record.ts'
import type { WaitingOrder } from './waiting-order.ts'
import { fromStart } from './windowed-key.ts'

/*
 * Algorithm: the latest row of every open window waits; when stream time, as this operator sees it in the rows'
 * timestamps, reaches a window's end plus its grace, the row goes out and is forgotten.
 *
 * State: the waiting rows, in the order in which their windows end (of windows of one size: in which they start); and
 * the operator's stream time.
 *
 * Correctness: a window that is over by the same stream time in the aggregate upstream takes no more records, so what
 * goes out is final. A row that was deleted in the meantime has no final result. Nothing is ever emitted early: a
 * buffer with a limit stops the task. (Kafka Streams: KTableSuppressProcessor with untilWindowCloses.)
 */

export interface SuppressUntilClosePlan {
  /** How long after the first time in its place a window closes. */
  readonly closesAfterMs: number
  readonly buffer: string
  readonly timeStore: string
  readonly order: WaitingOrder
  readonly limits: BufferLimits
  readonly key: Codec<unknown>
  readonly value: Codec<unknown>
}

export function suppressUntilClose(plan: SuppressUntilClosePlan): ProcessorFactory {
  return (context, next) => new SuppressUntilClose(plan, context, next)
}

class SuppressUntilClose implements Processor {
  readonly #plan: SuppressUntilClosePlan
  readonly #buffer: RowBuffer
  readonly #clock: OperatorClock
  readonly #node: string
  readonly #task: TaskContext
  readonly #emit: Eviction

  constructor(plan: SuppressUntilClosePlan, context: ProcessorContext, next: Processor) {
    const { order, key, value } = plan
    const counts = context.keyValue<number>(plan.timeStore)
    this.#plan = plan
    this.#clock = new OperatorClock(counts, 0)
    this.#buffer = new RowBuffer({
      node: context.node,
      rows: context.keyValue(plan.buffer),
      counts,
      codec: bufferedRow(value),
      limits: plan.limits,
    })
    this.#node = context.node
    this.#task = context.task
    this.#emit = (place, { value: row, timestamp }) => {
      const cell = Cell.ofBytes(order.storeKeyAt(Buffer.from(place, 'latin1')), key)
      next.process(new StreamRecord(cell, cellOf(row.value, value), null, timestamp, row.headers, true))
    }
  }

  process(record: StreamRecord): void {
    this.#task.node = this.#node
    const { order, closesAfterMs } = this.#plan
    const { value, timestamp, headers } = record
    this.#clock.advance(timestamp)
    const place = latin1Slice(order.placeOf((record.key as Cell).bytes))
    if (value === null) this.#buffer.remove(place, timestamp)
    else this.#buffer.put(place, { value: value.value, headers }, timestamp)
    this.#buffer.evictBelow(fromStart(this.#clock.streamTime - closesAfterMs + 1), this.#emit)
    this.#buffer.enforceLimits(this.#emit)
  }
}
