import type { Codec } from '../../contracts/codec.ts'
import { int64 } from '../../contracts/codecs.ts'
import { keyPart, TIME_LENGTH, timePart } from '../state/key-parts.ts'
import type { KeyValueStore } from '../state/store.ts'
import { cellOf } from './cell.ts'
import type { Mapper } from './functions.ts'
import { OperatorClock } from './operator-clock.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/*
 * Algorithm: a record is a repeat when one with its id has passed whose time lies at most withinMs from its own, before
 * or after. Records that are more than graceMs behind stream time, as this operator has seen it, are dropped: what
 * they might repeat may be forgotten.
 *
 * State: per id the times of those that passed and can still be repeated; an index of the ids by the time at which
 * they are next looked at for forgetting; and the operator's stream time.
 *
 * Correctness: a record in time is at most graceMs behind stream time, so what it can repeat is at most
 * withinMs + graceMs behind: only older times are forgotten. Times that passed for one id are more than withinMs
 * apart, so an id has few of them, and each id has one place in the index, at its earliest time. What is forgotten
 * follows from stream time alone.
 */

/** So many looks for what can be forgotten while stream time moves on by withinMs and graceMs. */
const PASSES = 16
/** Below it nothing is left. */
const FORGOTTEN = 'forgotten'

export interface DeduplicatePlan {
  readonly idOf: Mapper
  readonly id: Codec<unknown>
  readonly withinMs: number
  readonly graceMs: number
  /** The same id under another key is a repeat too. */
  readonly acrossKeys: boolean
  readonly passed: string
  readonly byTime: string
  readonly times: string
}

/** A record without a key (unless ids count across keys) is dropped; one without an id repeats nothing and passes. */
export function deduplicate(plan: DeduplicatePlan): ProcessorFactory {
  return (context, next) => new Deduplicate(plan, context, next)
}

class Deduplicate implements Processor {
  readonly #plan: DeduplicatePlan
  readonly #passed: KeyValueStore<readonly number[]>
  readonly #byTime: KeyValueStore<number>
  readonly #times: KeyValueStore<number>
  readonly #clock: OperatorClock
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(plan: DeduplicatePlan, context: ProcessorContext, next: Processor) {
    this.#plan = plan
    this.#passed = context.keyValue(plan.passed)
    this.#byTime = context.keyValue(plan.byTime)
    this.#times = context.keyValue(plan.times)
    this.#clock = new OperatorClock(this.#times, 0)
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    const { idOf, id: codec, withinMs, graceMs, acrossKeys } = this.#plan
    const { key, value, timestamp } = record
    if (key === null && !acrossKeys) return this.#task.drop(this.#node, 'null-key')
    this.#task.node = this.#node
    const id = cellOf(idOf(value === null ? null : value.value, key === null ? null : key.value), codec)
    this.#clock.advance(timestamp)
    this.#forget()
    if (id === null) return this.#next.process(record)
    if (timestamp < this.#clock.streamTime - graceMs) return this.#task.drop(this.#node, 'expired')
    const place = key === null || acrossKeys ? id.byteString : keyPart(key.byteString) + id.byteString
    const times = this.#passed.get(place)?.value
    if (times === undefined) {
      this.#byTime.put(timePart(timestamp) + place, 1, timestamp)
      this.#passed.put(place, [timestamp], timestamp)
      return this.#next.process(record)
    }
    for (const time of times) {
      if (Math.abs(timestamp - time) <= withinMs) return this.#task.drop(this.#node, 'duplicate')
    }
    const earliest = times[0] as number
    if (timestamp < earliest) {
      this.#byTime.put(timePart(earliest) + place, null, timestamp)
      this.#byTime.put(timePart(timestamp) + place, 1, timestamp)
    }
    this.#passed.put(
      place,
      [...times, timestamp].toSorted((a, b) => a - b),
      timestamp,
    )
    this.#next.process(record)
  }

  /** Removes the times that no record in time can come near any more. */
  #forget(): void {
    const { before, streamTime } = this.#clock
    const { withinMs, graceMs } = this.#plan
    const kept = streamTime - graceMs - withinMs
    const everyMs = Math.ceil((withinMs + graceMs + 1) / PASSES)
    if (Math.floor(streamTime / everyMs) === Math.floor(before / everyMs)) return
    // What this commit forgot before would be walked over each time.
    const forgotten = this.#times.get(FORGOTTEN)?.value ?? 0
    if (kept <= forgotten) return
    this.#times.put(FORGOTTEN, kept, streamTime)
    const due = Array.from(this.#byTime.range(timePart(forgotten), timePart(kept)), ([entry]) => entry)
    for (const entry of due) {
      this.#byTime.put(entry, null, streamTime)
      const place = entry.slice(TIME_LENGTH)
      const left = this.#passed.get(place)?.value.filter(time => time >= kept) ?? []
      this.#passed.put(place, left.length === 0 ? null : left, streamTime)
      if (left.length > 0) this.#byTime.put(timePart(left[0] as number) + place, 1, streamTime)
    }
  }
}

/** The times of one id: eight bytes each, big-endian. */
export const passedTimes: Codec<readonly number[]> = {
  name: 'times',
  encode: times => Buffer.concat(times.map(time => int64.encode(time))),
  decode: bytes =>
    Array.from({ length: bytes.length / TIME_LENGTH }, (_, i) =>
      int64.decode(bytes.subarray(i * TIME_LENGTH, (i + 1) * TIME_LENGTH)),
    ),
}
