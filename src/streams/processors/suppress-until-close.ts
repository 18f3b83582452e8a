import type { Codec } from '../../contracts/codec.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { KeyValueStore } from '../state/store.ts'
import { Cell, cellOf } from './cell.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import { StreamRecord } from './stream-record.ts'
import type { WaitingOrder } from './waiting-order.ts'
import { fromStart } from './windowed-key.ts'

/*
 * Algorithm: the latest row of every open window waits; when stream time, as this operator sees it in the rows'
 * timestamps, reaches a window's end plus its grace, the row goes out and is forgotten.
 *
 * State: the waiting rows, in the order in which their windows end (of windows of one size: in which they start).
 *
 * Correctness: a window that is over by the same stream time in the aggregate upstream takes no more records, so what
 * goes out is final. A row that was deleted in the meantime has no final result. (Kafka Streams:
 * KTableSuppressProcessor with untilWindowCloses; nothing is ever emitted early.)
 */

export interface SuppressUntilClosePlan {
  readonly sizeMs: number
  readonly graceMs: number
  readonly buffer: string
  readonly order: WaitingOrder
  readonly windowKey: Codec<unknown>
  readonly value: Codec<unknown>
}

export function suppressUntilClose(plan: SuppressUntilClosePlan): ProcessorFactory {
  return (context, next) => new SuppressUntilClose(plan, context, next)
}

class SuppressUntilClose implements Processor {
  readonly #plan: SuppressUntilClosePlan
  readonly #waiting: KeyValueStore<unknown>
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor
  #streamTime = -1

  constructor(plan: SuppressUntilClosePlan, context: ProcessorContext, next: Processor) {
    this.#plan = plan
    this.#waiting = context.keyValue(plan.buffer)
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    this.#task.node = this.#node
    const { sizeMs, graceMs, order, windowKey, value: codec } = this.#plan
    const { value, timestamp } = record
    const place = latin1Slice(order.placeOf((record.key as Cell).bytes))
    this.#waiting.put(place, value === null ? null : value.value, timestamp)
    this.#streamTime = Math.max(this.#streamTime, timestamp)
    const closed = fromStart(this.#streamTime - graceMs - sizeMs + 1)
    for (const [key, row] of Array.from(this.#waiting.range(undefined, closed))) {
      this.#waiting.put(key, null, row.timestamp)
      const cell = Cell.ofBytes(order.storeKeyAt(Buffer.from(key, 'latin1')), windowKey)
      this.#next.process(
        new StreamRecord(cell, cellOf(row.value, codec), null, row.timestamp, record.headers, true),
      )
    }
  }
}
