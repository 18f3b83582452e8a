import { EvertError } from '../errors.ts'
import { seededRandom } from '../internal/random.ts'
import type { RawRecord } from './single-record.ts'

/** A record in its place in the log. */
export interface LogRecord {
  readonly topic: string
  readonly partition: number
  readonly record: RawRecord
}

/** Who reads partitions of the log: a task, or a global table. */
export interface Reader {
  /** It keeps up with the log at once, before any other reads on. */
  readonly isImmediate: boolean
  /** Records that it has and did not process. */
  readonly buffered: number
  enqueue(record: LogRecord): void
  /** Processes up to `maxRecords` and returns how many; fewer only when it has no more or can take no more now. */
  process(maxRecords: number): number
}

/** Decides who goes on when. */
export interface Turns {
  /** The reader has a new record in the log; it may be in the middle of another. */
  arrive(reader: Reader, record: LogRecord): void
  /** Lets happen what happens from outside, in this order, and all that follows. */
  run(happenings: readonly (() => void)[]): void
}

/** Records one by one in the order in which they were written, whoever reads them. */
export class LogOrder implements Turns {
  readonly #pending: { readonly reader: Reader; readonly record: LogRecord }[] = []

  arrive(reader: Reader, record: LogRecord): void {
    if (!reader.isImmediate) {
      this.#pending.push({ reader, record })
      return
    }
    reader.enqueue(record)
    reader.process(1)
  }

  run(happenings: readonly (() => void)[]): void {
    for (const happening of happenings) {
      happening()
      this.#settle()
    }
    this.#settle()
  }

  #settle(): void {
    for (;;) {
      const next = this.#pending.shift()
      if (next === undefined) return
      next.reader.enqueue(next.record)
      next.reader.process(1)
    }
  }
}

/** So many records a reader takes in one turn. */
const MAX_TURN = 8

/**
 * One of the orders in which the readers of a cluster may come to their records, chosen by a seed: each turn goes to
 * any reader that has something to do, or to the world outside. A reader sees in its turn all that is in the log by
 * then, and takes some of it; what it writes is there for the others when its turn is over, as after a commit.
 */
export class SeededTurns implements Turns {
  readonly #seed: number
  readonly #random: () => number
  readonly #arrived = new Map<Reader, LogRecord[]>()

  constructor(seed: number) {
    this.#seed = seed
    this.#random = seededRandom(seed)
  }

  arrive(reader: Reader, record: LogRecord): void {
    const arrived = this.#arrived.get(reader)
    if (arrived === undefined) this.#arrived.set(reader, [record])
    else arrived.push(record)
  }

  run(happenings: readonly (() => void)[]): void {
    const waiting = happenings.toReversed()
    /** They have records and cannot take them now. */
    const stuck = new Set<Reader>()
    for (;;) {
      const ready = [...this.#arrived.keys()].filter(reader => !stuck.has(reader) && this.#hasWork(reader))
      const choices = ready.length + Math.min(waiting.length, 1)
      if (choices === 0) return
      const reader = ready[this.#below(choices)]
      if (reader === undefined) waiting.pop()?.()
      else if (this.#take(reader) === 0) stuck.add(reader)
    }
  }

  /** In an order of the seed's. */
  shuffled<T>(list: readonly T[]): T[] {
    const left = [...list]
    return list.map(() => left.splice(this.#below(left.length), 1)[0] as T)
  }

  #hasWork(reader: Reader): boolean {
    return reader.buffered > 0 || (this.#arrived.get(reader) as LogRecord[]).length > 0
  }

  #take(reader: Reader): number {
    const arrived = this.#arrived.get(reader) as LogRecord[]
    this.#arrived.set(reader, [])
    for (const record of arrived) reader.enqueue(record)
    try {
      return reader.process(1 + this.#below(MAX_TURN))
    } catch (error) {
      if (!(error instanceof EvertError)) throw error
      throw new EvertError(error.code, `${error.message} The driver's seed is ${this.#seed}.`, {
        cause: error,
        retryable: error.retryable,
      })
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}
