import type { Codec } from '../../contracts/codec.ts'
import { readTimePart, TIME_LENGTH, timePart } from '../state/key-parts.ts'
import type { KeyValueStore } from '../state/store.ts'
import type { BufferedRow } from './buffered-row.ts'
import { Cell, cellOf } from './cell.ts'
import { idleOptions, operatorClock } from './idle-closing.ts'
import type { OperatorClock } from './operator-clock.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import { StreamRecord } from './stream-record.ts'

/*
 * Algorithm: the records of a stream wait before a join until stream time, as these records tell it, is past theirs by
 * the grace; they then go on to the join in order of time. A record that comes later than that goes on at once.
 *
 * State: the waiting records by time (8 bytes), key and number (8). In a store of times, stream time, the last number
 * given, and up to which time records have gone on.
 *
 * Correctness: what waits is always later than what has gone on, except for records that came too late to wait, so
 * each record is joined once, and with every row of the table that came within the grace. (Kafka Streams: KIP-923.
 * A record without a key has no row to wait for and goes on at once; Kafka Streams fails on it.)
 */

export interface DelayJoinPlan {
  readonly graceMs: number
  readonly buffer: string
  readonly times: string
  readonly key: Codec<unknown>
  readonly value: Codec<unknown>
  readonly join: ProcessorFactory
  /** Records also go on when none has come for so long by wall clock. */
  readonly closeWhenIdleMs: number | undefined
}

export function delayJoin(plan: DelayJoinPlan): ProcessorFactory {
  return (context, next, children) => new DelayJoin(plan, context, plan.join(context, next, children))
}

const NUMBER = 'number'
const GONE = 'gone-on-up-to'

class DelayJoin implements Processor {
  readonly #plan: DelayJoinPlan
  readonly #waiting: KeyValueStore<BufferedRow>
  readonly #times: KeyValueStore<number>
  readonly #clock: OperatorClock
  readonly #node: string
  readonly #task: TaskContext
  readonly #join: Processor

  constructor(plan: DelayJoinPlan, context: ProcessorContext, join: Processor) {
    this.#plan = plan
    this.#waiting = context.keyValue(plan.buffer)
    this.#times = context.keyValue(plan.times)
    this.#clock = operatorClock([this.#times, 0], idleOptions(context, plan.closeWhenIdleMs), {
      closesAt: () => this.#firstWaiting() + plan.graceMs,
      close: streamTime => this.#goOn(this.#times.get(GONE)?.value ?? -1, streamTime - plan.graceMs),
    })
    this.#node = context.node
    this.#task = context.task
    this.#join = join
  }

  process(record: StreamRecord): void {
    const { key, value, timestamp } = record
    if (key === null || value === null) return this.#join.process(record)
    this.#clock.advance(timestamp)
    const joinableUpTo = this.#clock.streamTime - this.#plan.graceMs
    if (timestamp < joinableUpTo) return this.#join.process(record)
    this.#task.node = this.#node
    const number = (this.#times.get(NUMBER)?.value ?? 0) + 1
    this.#times.put(NUMBER, number, timestamp)
    const place = timePart(timestamp) + key.byteString + timePart(number)
    this.#waiting.put(place, { value: value.value, headers: record.headers }, timestamp)
    const goneUpTo = this.#times.get(GONE)?.value ?? -1
    if (joinableUpTo > goneUpTo || timestamp === joinableUpTo) this.#goOn(goneUpTo, joinableUpTo)
  }

  #firstWaiting(): number {
    for (const [place] of this.#waiting.range()) return readTimePart(place, 0)
    return Infinity
  }

  /** Records of exactly `goneUpTo` may have come since. */
  #goOn(goneUpTo: number, joinableUpTo: number): void {
    if (joinableUpTo < 0) return
    const { key, value } = this.#plan
    const records: { place: string; record: BufferedRow }[] = []
    for (const [place, row] of this.#waiting.range(timePart(goneUpTo), timePart(joinableUpTo + 1))) {
      records.push({ place, record: row.value })
    }
    this.#times.put(GONE, joinableUpTo, joinableUpTo)
    for (const { place, record } of records) {
      const timestamp = readTimePart(place, 0)
      this.#waiting.put(place, null, timestamp)
      const keyBytes = Buffer.from(place.slice(TIME_LENGTH, -TIME_LENGTH), 'latin1')
      this.#join.process(
        new StreamRecord(
          Cell.ofBytes(keyBytes, key),
          cellOf(record.value, value),
          null,
          timestamp,
          record.headers,
          true,
        ),
      )
    }
  }
}
