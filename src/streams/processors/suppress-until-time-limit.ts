import type { Codec } from '../../contracts/codec.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { KeyValueStore } from '../state/store.ts'
import { bufferedRow } from './buffered-row.ts'
import { Cell, cellOf } from './cell.ts'
import { idleOptions, operatorClock } from './idle-closing.ts'
import type { OperatorClock } from './operator-clock.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import { type BufferLimits, type Eviction, RowBuffer } from './row-buffer.ts'
import { StreamRecord } from './stream-record.ts'
import type { WaitingOrder } from './waiting-order.ts'
import { fromStart, TIME_BYTES, timeBytes, timeOf } from './windowed-key.ts'

/*
 * Algorithm: the first change of a key opens its wait, later ones replace what waits, and when stream time, as this
 * operator sees it in the changes' timestamps, is the limit past the first one's, the latest goes out, deletions too.
 * A buffer that is full lets those go that have waited longest, or stops the task.
 *
 * State: what waits, by the time of its key's first change and then by key; an index of those times by key; and the
 * operator's stream time.
 *
 * Correctness: a key is in the buffer at most once, under the time that the index has for it. Rows go out in the
 * order of their places, of which those that have waited long enough are one range. (Kafka Streams:
 * KTableSuppressProcessor with untilTimeLimit.)
 */

export interface SuppressUntilTimeLimitPlan {
  readonly timeLimitMs: number
  readonly buffer: string
  readonly indexStore: string
  readonly timeStore: string
  /** In which keys wait that began to wait at the same time. */
  readonly order: WaitingOrder
  readonly limits: BufferLimits
  readonly key: Codec<unknown>
  readonly value: Codec<unknown>
  /** Rows also go out when no change has come for so long by wall clock. */
  readonly closeWhenIdleMs: number | undefined
}

export function suppressUntilTimeLimit(plan: SuppressUntilTimeLimitPlan): ProcessorFactory {
  return (context, next) => new SuppressUntilTimeLimit(plan, context, next)
}

class SuppressUntilTimeLimit implements Processor {
  readonly #plan: SuppressUntilTimeLimitPlan
  readonly #buffer: RowBuffer
  readonly #index: KeyValueStore<number>
  readonly #clock: OperatorClock
  readonly #node: string
  readonly #task: TaskContext
  readonly #emit: Eviction

  constructor(plan: SuppressUntilTimeLimitPlan, context: ProcessorContext, next: Processor) {
    const { order, key, value } = plan
    const counts = context.keyValue<number>(plan.timeStore)
    const index = context.keyValue<number>(plan.indexStore)
    this.#plan = plan
    this.#index = index
    this.#buffer = new RowBuffer({
      node: context.node,
      rows: context.keyValue(plan.buffer),
      counts,
      codec: bufferedRow(value),
      limits: plan.limits,
    })
    this.#clock = operatorClock([counts, 0], idleOptions(context, plan.closeWhenIdleMs), {
      closesAt: () => timeOf(this.#buffer.first()) + plan.timeLimitMs,
      close: streamTime => this.#evictWaited(streamTime),
    })
    this.#node = context.node
    this.#task = context.task
    this.#emit = (place, { value: row, timestamp }) => {
      const storeKey = order.storeKeyAt(Buffer.from(place.slice(TIME_BYTES), 'latin1'))
      const cell = Cell.ofBytes(storeKey, key)
      index.put(cell.byteString, null, timestamp)
      next.process(new StreamRecord(cell, cellOf(row.value, value), null, timestamp, row.headers, true))
    }
  }

  process(record: StreamRecord): void {
    this.#task.node = this.#node
    const { order, key: codec } = this.#plan
    const { timestamp, headers } = record
    this.#clock.advance(timestamp)
    const key = record.key as Cell
    const keyBytes = key.bytesAs(codec)
    const waiting = this.#index.get(latin1Slice(keyBytes))
    const since = waiting?.value ?? timestamp
    if (waiting === undefined) this.#index.put(latin1Slice(keyBytes), since, timestamp)
    const place = latin1Slice(Buffer.concat([timeBytes(since), order.placeOf(keyBytes)]))
    this.#buffer.put(place, { value: record.value?.value ?? null, headers }, timestamp)
    this.#evictWaited(this.#clock.streamTime)
    this.#buffer.enforceLimits(this.#emit)
  }

  #evictWaited(streamTime: number): void {
    this.#buffer.evictBelow(fromStart(streamTime - this.#plan.timeLimitMs + 1), this.#emit)
  }
}
