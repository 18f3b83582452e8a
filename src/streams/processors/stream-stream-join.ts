import type { Codec } from '../../contracts/codec.ts'
import type { KeyValueStore } from '../state/store.ts'
import { Cell, cellOf } from './cell.ts'
import type { Joiner } from './functions.ts'
import { JoinRows, type JoinRowsPlan } from './join-rows.ts'
import { type JoinWindows, mirrored } from './join-windows.ts'
import { IdleWatch, WatchedClock } from './idle-closing.ts'
import { OperatorClock } from './operator-clock.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import { StreamRecord } from './stream-record.ts'
import { type ClosedRows, UnmatchedRows } from './unmatched-rows.ts'
import { missing } from './drop-reason.ts'

/*
 * Algorithm: each side of a stream-stream join has a processor. A record is joined with every record of the other side
 * that is in its window, in order of time, and then kept for partners that come later (join-window.ts). In a left or
 * outer join a record that meets none waits (unmatched-rows.ts) and goes out joined with null when its window has
 * closed; the closed ones go out before the record that moved stream time on is joined.
 *
 * State: the records of both sides (join-rows.ts), those that wait, and the stream time of both sides together.
 *
 * Correctness: of two partners the one that is processed later finds the other, so each pair goes out once. A result
 * with null is final: it is held back until no record that is on time can be a partner. (Kafka Streams:
 * KStreamKStreamJoin, which sends such a result out within the grace when its record is late itself, KAFKA-19536.)
 */

export interface StreamJoinPlan {
  /** Which side's records the processor takes. */
  readonly side: 'left' | 'right'
  /** As the left side sees them. */
  readonly windows: JoinWindows
  readonly left: JoinRowsPlan
  readonly right: JoinRowsPlan
  readonly joiner: Joiner
  readonly value: Codec<unknown>
  /** Of the keys. */
  readonly key: Codec<unknown>
  /** The store of the join's times. */
  readonly times: string
  /** Which sides' records go out without a partner, and the store where they wait. */
  readonly unmatched: { readonly store: string; readonly bothSides: boolean } | undefined
  /** What waits also goes out when neither side has had a record for a while. */
  readonly idle: JoinIdling | undefined
}

/** Of both sides of a join in one task. */
export interface JoinIdling {
  readonly closeWhenIdleMs: number
  readonly watchOf: (task: TaskContext) => { watch?: IdleWatch }
}

export function streamStreamJoin(plan: StreamJoinPlan): ProcessorFactory {
  return (context, next) => new StreamStreamJoin(plan, context, next)
}

/** The stream time of a join is one for both sides. */
const BOTH_SIDES = 0

const NO_HEADERS: StreamRecord['headers'] = []

class StreamStreamJoin implements Processor {
  readonly #isLeft: boolean
  /** As this side sees them. */
  readonly #windows: JoinWindows
  readonly #others: JoinRows
  readonly #clock: OperatorClock
  readonly #unmatched: UnmatchedRows | undefined
  readonly #mayBeAlone: boolean
  readonly #otherMayBeAlone: boolean
  readonly #joiner: Joiner
  readonly #value: Codec<unknown>
  readonly #key: Codec<unknown>
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(plan: StreamJoinPlan, context: ProcessorContext, next: Processor) {
    const { side, windows, unmatched } = plan
    this.#isLeft = side === 'left'
    this.#windows = this.#isLeft ? windows : mirrored(windows)
    const others = this.#isLeft ? plan.right : plan.left
    const times = context.keyValue<number>(plan.times)
    this.#others = new JoinRows(others, context.keyValue(others.store), times)
    this.#unmatched =
      unmatched && new UnmatchedRows({ windows, ...unmatched }, context.keyValue(unmatched.store), times)
    this.#mayBeAlone = unmatched !== undefined && (this.#isLeft || unmatched.bothSides)
    this.#otherMayBeAlone = unmatched !== undefined && (!this.#isLeft || unmatched.bothSides)
    this.#joiner = plan.joiner
    this.#value = plan.value
    this.#key = plan.key
    this.#node = context.node
    this.#task = context.task
    this.#next = next
    this.#clock =
      plan.idle === undefined ? new OperatorClock(times, BOTH_SIDES) : this.#watched(plan.idle, times)
  }

  process(record: StreamRecord): void {
    const { key, value, timestamp } = record
    // Only who waits for a window to close asks for stream time.
    if (this.#unmatched !== undefined) this.#clock.advance(timestamp)
    if (value === null || (key === null && !this.#mayBeAlone)) {
      return this.#task.drop(this.#node, missing(record))
    }
    if (key === null) return this.#sendAlone(record, value.value)
    const { streamTime } = this.#clock
    if (timestamp === streamTime) this.#sendClosed(record, streamTime)
    const { beforeMs, afterMs, graceMs } = this.#windows
    this.#task.node = this.#node
    const partners = this.#others.between(key, timestamp - beforeMs, timestamp + afterMs)
    for (let i = 0; i < partners.length; i++) {
      const partner = partners[i] as (typeof partners)[0]
      if (this.#otherMayBeAlone) this.#unmatched?.forget(!this.#isLeft, key.byteString, partner.timestamp)
      this.#send(record, key, { mine: value.value, other: partner.value, timestamp: partner.timestamp })
    }
    if (partners.length > 0 || !this.#mayBeAlone) return
    if (timestamp + afterMs + graceMs < streamTime) this.#sendAlone(record, value.value)
    else this.#unmatched?.add(this.#isLeft, key.byteString, { value: value.value, timestamp })
  }

  /** The side that is made first watches over both. */
  #watched({ closeWhenIdleMs, watchOf }: JoinIdling, times: KeyValueStore<number>): OperatorClock {
    const shared = watchOf(this.#task)
    const options = { node: this.#node, task: this.#task, closeWhenIdleMs }
    shared.watch ??= new IdleWatch(options, new OperatorClock(times, BOTH_SIDES), {
      closesAt: () => this.#unmatched?.closesAt() ?? Infinity,
      close: streamTime => this.#sendAll(this.#unmatched?.takeAllClosed(streamTime) ?? [], NO_HEADERS),
    })
    const clock = new WatchedClock(times, BOTH_SIDES)
    clock.watch = shared.watch
    return clock
  }

  #sendClosed(record: StreamRecord, streamTime: number): void {
    const closed = this.#unmatched?.takeClosed(streamTime, this.#windows.afterMs) ?? []
    this.#sendAll(closed, record.headers)
  }

  #sendAll(closed: readonly ClosedRows[], headers: StreamRecord['headers']): void {
    for (const { isLeft, key, timestamp, values } of closed) {
      const keyCell = Cell.ofBytes(Buffer.from(key, 'latin1'), this.#key)
      for (const value of values) {
        this.#task.node = this.#node
        const joined = isLeft
          ? this.#joiner(value, null, keyCell.value)
          : this.#joiner(null, value, keyCell.value)
        this.#next.process(
          new StreamRecord(keyCell, cellOf(joined, this.#value), null, timestamp, headers, true),
        )
      }
    }
  }

  #sendAlone(record: StreamRecord, mine: unknown): void {
    this.#send(record, record.key, { mine, other: null, timestamp: record.timestamp })
  }

  #send(
    record: StreamRecord,
    key: Cell | null,
    { mine, other, timestamp }: { mine: unknown; other: unknown; timestamp: number },
  ): void {
    this.#task.node = this.#node
    const keyValue = key === null ? null : key.value
    const joined = this.#isLeft ? this.#joiner(mine, other, keyValue) : this.#joiner(other, mine, keyValue)
    this.#next.process(
      record.withChange(cellOf(joined, this.#value), null, Math.max(record.timestamp, timestamp)),
    )
  }
}
