import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { Alarm } from './punctuation.ts'
import type { ByteString } from '../state/byte-store.ts'
import { readTimePart, TIME_LENGTH, timePart } from '../state/key-parts.ts'
import type { KeyValueStore } from '../state/store.ts'
import type { PunctuationTime } from './process-context.ts'
import type { ProcessorContext } from './processor.ts'
import type { ProcessorTime } from './store-declaration.ts'
import { type TimerChain, timerChain } from './timer-chain.ts'

/*
 * Algorithm: the timers of a task are due in order of time and key. One alarm of the task stands at the earliest of
 * them, or before it (the task looks at it before and after each record); when it rings, the timers that are due are
 * called one by one, each a unit of its own that an error policy can take back. What comes next is read ahead, a few at
 * a time.
 *
 * State: a row per timer, by time (8 bytes) and key, with its payload; and an index of the times by key, of which each
 * has one at most. In memory: what was read ahead, and from where on there are rows.
 *
 * Correctness: a timer is deleted in the unit that calls it, so it is called exactly once, and after a crash the stores
 * still have what was not called. The alarm is only moved back by a call, never by a record that may still fail. A
 * timer whose callback failed under an error policy that goes on is there again when that is taken back: the next
 * unit deletes it.
 */

/** Timers of one task in the hands of a processor. See `keyedTimers`. */
export interface Timers<K, P> {
  readonly name: string
  /**
   * Calls back at `atMs`, ms. By stream time: before the first record that is beyond it, or after one of that very
   * time; so what is sent does not depend on the records of other keys. A key has one timer: another time takes the
   * place of the one before. A time that has passed is due after the current record or callback; so a callback that
   * sets its own time again is called again at once, which must come to an end. Throws INVALID_VALUE for what is no
   * time, and for the 10,000th timer in a row that was set by the callback of the one before to no later time.
   */
  set(key: K, atMs: number, ...payload: [P] extends [undefined] ? [] : [payload: P]): void
  /** Whether there was one. */
  delete(key: K): boolean
  /** When the key's timer is due. */
  get(key: K): number | undefined
  /**
   * What is called, in order of time and then of the encoded keys. What it forwards has the timer's time unless it says
   * otherwise. To be said once, in `create`.
   */
  onTimer(callback: (key: K, atMs: number, payload: P) => void | undefined): void
}

export interface TimersPlan<K> {
  readonly name: string
  /** The store of the index. */
  readonly index: string
  readonly key: Codec<K>
  readonly time: PunctuationTime
}

/** The value of a timer's row. */
export interface TimerRow {
  readonly payload: unknown
}

/** Without a codec there is no payload, and nothing is written. */
export function timerRowCodec(payload: Codec<unknown> | undefined): Codec<TimerRow> {
  if (payload === undefined) {
    return { name: 'timer', encode: () => NOTHING, decode: () => NO_PAYLOAD }
  }
  return {
    name: `timer-${payload.name}`,
    encode: row => payload.encode(row.payload),
    decode: bytes => ({ payload: payload.decode(bytes) }),
  }
}

const NOTHING = Buffer.alloc(0)
const NO_PAYLOAD: TimerRow = { payload: undefined }

const READ_AHEAD = 256
const EVERYTHING = ''

type Callback = (key: unknown, atMs: number, payload: unknown) => unknown

/** Shared by the processors of a task that name the same timers: one of them has the callback. */
export class TaskTimers {
  readonly #plan: TimersPlan<unknown>
  readonly #rows: KeyValueStore<TimerRow>
  readonly #index: KeyValueStore<number>
  #alarm: Alarm | undefined
  #alarmAt = Infinity
  /** Places in order, from `#next` on; none that exists is left out up to the last of them. */
  #ahead: ByteString[] = []
  #next = 0
  /** No row is below it. */
  #from: ByteString = EVERYTHING
  /** The timer whose callback runs, or failed. */
  #calling: ByteString | undefined
  readonly #chain: TimerChain
  /** Of the timers that callbacks have set at once: which they are of their chain. */
  readonly #links = new Map<ByteString, number>()

  constructor(plan: TimersPlan<unknown>, context: ProcessorContext) {
    this.#plan = plan
    this.#rows = context.keyValue(plan.name)
    this.#index = context.keyValue(plan.index)
    this.#chain = timerChain(context.task)
  }

  /** In the hands of one processor. */
  open({ node, task }: ProcessorContext, now: ProcessorTime): Timers<unknown, unknown> {
    return {
      name: this.#plan.name,
      set: (key, atMs, ...[payload]: readonly unknown[]) =>
        this.#set(this.#plan.key.encode(key), atMs, { payload, timestamp: now.timestamp }),
      delete: key => this.#delete(latin1Slice(this.#plan.key.encode(key)), now.timestamp),
      get: key => this.#index.get(latin1Slice(this.#plan.key.encode(key)))?.value,
      onTimer: callback => {
        if (this.#alarm !== undefined) throw this.#refused('has a callback already')
        this.#alarm = task.alarm(node, this.#plan.time, timeMs => {
          this.#call(timeMs, (atMs, run) => now.during(atMs, run), callback)
        })
        this.#setAlarm(this.#peek())
      },
    }
  }

  #set(
    keyBytes: Buffer,
    atMs: number,
    { payload, timestamp }: { payload: unknown; timestamp: number },
  ): void {
    if (!Number.isSafeInteger(atMs) || atMs < 0) {
      throw new EvertError(
        'INVALID_VALUE',
        `A timer of "${this.#plan.name}" is set to ${atMs}: it must be whole milliseconds, 0 or more.`,
      )
    }
    if (this.#alarm === undefined) throw this.#refused('has no callback: give onTimer one in create')
    const key = latin1Slice(keyBytes)
    const place = timePart(atMs) + key
    const link = this.#chain.next(this.#plan.name, atMs)
    if (link > 0) this.#links.set(place, link)
    const before = this.#index.get(key)?.value
    if (before !== undefined && before !== atMs) this.#rows.put(timePart(before) + key, null, timestamp)
    if (before !== atMs) this.#index.put(key, atMs, timestamp)
    this.#rows.put(place, { payload }, timestamp)
    if (place < this.#from) this.#from = place
    if (this.#next < this.#ahead.length && place < (this.#ahead.at(-1) as ByteString)) this.#ahead = []
    if (atMs < this.#alarmAt) this.#setAlarm(atMs)
  }

  #delete(key: ByteString, timestamp: number): boolean {
    const atMs = this.#index.get(key)?.value
    if (atMs === undefined) return false
    this.#remove(timePart(atMs) + key, timestamp)
    return true
  }

  #remove(place: ByteString, timestamp: number): void {
    this.#rows.put(place, null, timestamp)
    this.#index.put(place.slice(TIME_LENGTH), null, timestamp)
  }

  /** One timer, if one is due. */
  #call(nowMs: number, during: (atMs: number, run: () => unknown) => void, callback: Callback): void {
    const failed = this.#calling
    if (failed !== undefined) {
      this.#calling = undefined
      if (this.#rows.get(failed) !== undefined) this.#remove(failed, readTimePart(failed, 0))
      return this.#wait(nowMs)
    }
    const atMs = this.#peek()
    if (atMs > nowMs) return this.#wait(nowMs)
    const place = this.#ahead[this.#next++] as ByteString
    const payload = this.#rows.get(place)?.value.payload
    this.#calling = place
    // Rings again at once should the callback throw.
    this.#setAlarm(atMs)
    this.#remove(place, atMs)
    const key = this.#plan.key.decode(Buffer.from(place.slice(TIME_LENGTH), 'latin1'))
    this.#chain.during(atMs, this.#links.get(place), () => during(atMs, () => callback(key, atMs, payload)))
    this.#calling = undefined
    this.#wait(nowMs)
  }

  /** For the next timer. */
  #wait(nowMs: number): void {
    const atMs = this.#peek()
    if (atMs > nowMs) this.#links.clear()
    this.#setAlarm(atMs)
  }

  /** When the first timer is due, which is then `#ahead[#next]`; Infinity when there is none. */
  #peek(): number {
    for (;;) {
      while (this.#next < this.#ahead.length) {
        const place = this.#ahead[this.#next] as ByteString
        if (this.#rows.get(place) !== undefined) return readTimePart(place, 0)
        this.#next++
      }
      if (!this.#readAhead()) return Infinity
    }
  }

  #readAhead(): boolean {
    this.#ahead = []
    this.#next = 0
    for (const [place] of this.#rows.range(this.#from)) {
      if (this.#ahead.push(place) === READ_AHEAD) break
    }
    const [first] = this.#ahead
    if (first !== undefined) this.#from = first
    return first !== undefined
  }

  #setAlarm(atMs: number): void {
    this.#alarmAt = atMs
    this.#alarm?.set(atMs)
  }

  #refused(why: string): EvertError {
    return new EvertError('INVALID_ARGUMENT', `The timers "${this.#plan.name}": this declaration ${why}.`)
  }
}
