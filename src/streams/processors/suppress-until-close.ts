import type { Codec } from '../../contracts/codec.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import { bufferedRow } from './buffered-row.ts'
import { Cell, cellOf } from './cell.ts'
import { idleOptions, operatorClock } from './idle-closing.ts'
import type { OperatorClock } from './operator-clock.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import { type BufferLimits, type Eviction, RowBuffer } from './row-buffer.ts'
import { StreamRecord } from './stream-record.ts'
import type { WaitingOrder } from './waiting-order.ts'
import { fromStart, timeOf } from './windowed-key.ts'

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
  /** Windows also close when no row has come for so long by wall clock. */
  readonly closeWhenIdleMs: number | undefined
}

export function suppressUntilClose(plan: SuppressUntilClosePlan): ProcessorFactory {
  return (context, next) => new SuppressUntilClose(plan, context, next)
}

class SuppressUntilClose implements Processor {
  readonly #plan: SuppressUntilClosePlan
  readonly #buffer: RowBuffer
  readonly #clock: OperatorClock
  readonly #closesEarly: boolean
  readonly #node: string
  readonly #task: TaskContext
  readonly #emit: Eviction

  constructor(plan: SuppressUntilClosePlan, context: ProcessorContext, next: Processor) {
    const { order, key, value } = plan
    const counts = context.keyValue<number>(plan.timeStore)
    this.#plan = plan
    this.#buffer = new RowBuffer({
      node: context.node,
      rows: context.keyValue(plan.buffer),
      counts,
      codec: bufferedRow(value),
      limits: plan.limits,
    })
    const idle = idleOptions(context, plan.closeWhenIdleMs)
    this.#clock = operatorClock([counts, 0], idle, {
      closesAt: () => timeOf(this.#buffer.first()) + plan.closesAfterMs,
      close: streamTime => this.#evictClosed(streamTime),
    })
    this.#closesEarly = idle !== undefined
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
    // Its final row is out: the aggregate upstream goes by the time of its records alone.
    if (this.#closesEarly && timeOf(place) + closesAfterMs <= this.#clock.before) {
      return this.#task.drop(this.#node, 'late')
    }
    if (value === null) this.#buffer.remove(place, timestamp)
    else this.#buffer.put(place, { value: value.value, headers }, timestamp)
    this.#evictClosed(this.#clock.streamTime)
    this.#buffer.enforceLimits(this.#emit)
  }

  #evictClosed(streamTime: number): void {
    this.#buffer.evictBelow(fromStart(streamTime - this.#plan.closesAfterMs + 1), this.#emit)
  }
}
