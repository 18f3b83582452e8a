import { EvertError } from '../../errors.ts'
import type { Alarm } from './punctuation.ts'
import type { KeyValueStore } from '../state/store.ts'
import { OperatorClock } from './operator-clock.ts'
import type { TaskContext } from './processor.ts'

/*
 * Algorithm: an operator that has seen no record for a while by wall clock is idle. From then on its stream time is what
 * it was at the last record, and as much later as the wall clock has moved on since. As soon as something closes by
 * that, its stream time is advanced there and the results go out; while nothing does, it stays as it is.
 *
 * State: the advanced stream time, in the store of the operator's clock and written together with what closing changes:
 * what comes behind it later is late, after a restart too. In memory: when the last record came, and an alarm, which is
 * set only while something is open. A task that starts counts its idleness from then.
 *
 * Correctness: closing goes by the operator's stream time as always, so a window closes once, by a record or by the
 * wall clock, whichever is first. A task that has records waiting is not idle, whatever its operators have seen.
 */

/** What an operator has open. */
export interface IdleClosing {
  /** The least stream time at which something closes; Infinity: nothing is open. */
  closesAt(): number
  /** Sends what has closed. */
  close(streamTime: number): void
}

export interface IdleOptions {
  readonly node: string
  readonly task: TaskContext
  readonly closeWhenIdleMs: number
}

/** What operators that hold something back have in common. */
export interface CloseWhenIdle {
  /**
   * What waits for stream time also goes out when the operator has seen no record for so long by wall clock. Its stream
   * time then moves on with the wall clock, from where the last record left it, as far as something waits for that.
   * Default: only records move stream time.
   */
  readonly closeWhenIdleMs?: number
}

/** Throws INVALID_TOPOLOGY for what is no time to wait. `operator` names whose it is. */
export function assertIdleTime(closeWhenIdleMs: number | undefined, operator: string): void {
  if (closeWhenIdleMs === undefined || (Number.isSafeInteger(closeWhenIdleMs) && closeWhenIdleMs >= 1)) return
  throw new EvertError(
    'INVALID_TOPOLOGY',
    `${operator} needs a closeWhenIdleMs in whole milliseconds of 1 or more; got ${closeWhenIdleMs}.`,
  )
}

/** Closes by wall clock what one operator, or the two sides of one, have open. */
export class IdleWatch {
  readonly #task: TaskContext
  readonly #afterMs: number
  readonly #clock: OperatorClock
  readonly #closing: IdleClosing
  readonly #alarm: Alarm
  #alarmAt = Infinity
  #lastRecordMs: number
  /** A record has come since the alarm rang last. */
  #isFresh = true
  /** Stream time at the last record. */
  #base = -1

  constructor({ node, task, closeWhenIdleMs }: IdleOptions, clock: OperatorClock, closing: IdleClosing) {
    this.#task = task
    this.#afterMs = closeWhenIdleMs
    this.#clock = clock
    this.#closing = closing
    this.#alarm = task.alarm(node, 'wall', nowMs => this.#ring(nowMs))
    this.#lastRecordMs = task.nowMs()
    this.#set(this.#lastRecordMs + closeWhenIdleMs)
  }

  /** The operator has a record. */
  seen(): void {
    this.#lastRecordMs = this.#task.nowMs()
    this.#isFresh = true
    const idleFromMs = this.#lastRecordMs + this.#afterMs
    if (this.#alarmAt > idleFromMs) this.#set(idleFromMs)
  }

  #ring(nowMs: number): void {
    if (this.#task.hasInput()) this.#lastRecordMs = nowMs
    const idleFromMs = this.#lastRecordMs + this.#afterMs
    if (nowMs < idleFromMs) return this.#set(idleFromMs)
    // Should closing fail under an error policy that goes on, it is tried again.
    this.#set(nowMs + this.#afterMs)
    if (this.#isFresh) this.#base = this.#clock.now()
    this.#isFresh = false
    if (this.#base < 0) return this.#set(Infinity)
    const streamTime = this.#base + nowMs - this.#lastRecordMs
    if (this.#closing.closesAt() <= streamTime) {
      this.#clock.advance(streamTime)
      this.#closing.close(streamTime)
    }
    this.#set(Math.max(nowMs + 1, this.#lastRecordMs + this.#closing.closesAt() - this.#base))
  }

  #set(atMs: number): void {
    this.#alarmAt = atMs
    this.#alarm.set(atMs)
  }
}

/** The clock of an operator that closes what it has open when it is idle. */
export class WatchedClock extends OperatorClock {
  watch: Pick<IdleWatch, 'seen'> = { seen() {} }

  override advance(timestamp: number): void {
    super.advance(timestamp)
    this.watch.seen()
  }
}

/** Of an operator that may have been told to close when it is idle. */
export function idleOptions(
  { node, task }: { readonly node: string; readonly task: TaskContext },
  closeWhenIdleMs: number | undefined,
): IdleOptions | undefined {
  return closeWhenIdleMs === undefined ? undefined : { node, task, closeWhenIdleMs }
}

/** The clock of an operator; with `idle`, it also closes what is open when no record comes. */
export function operatorClock(
  [store, operator]: readonly [KeyValueStore<number>, number],
  idle: IdleOptions | undefined,
  closing: IdleClosing,
): OperatorClock {
  if (idle === undefined) return new OperatorClock(store, operator)
  const clock = new WatchedClock(store, operator)
  clock.watch = new IdleWatch(idle, new OperatorClock(store, operator), closing)
  return clock
}
