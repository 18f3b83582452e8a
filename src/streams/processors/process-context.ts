import type { RecordHeader } from '../../records/record-batch.ts'
import type { StoreDeclarations, StoresOf } from './store-declaration.ts'

/** What belongs to a record besides its key and value. */
export interface RecordContext {
  /** Event time, ms. */
  readonly timestamp: number
  readonly headers: readonly RecordHeader[]
  /** Where the record was read, or the one that it was made from; undefined when a punctuation made it. */
  readonly source: SourcePosition | undefined
}

export interface SourcePosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface ForwardOptions {
  /** Default: the current record's; in a punctuation the time that it was called with. */
  readonly timestamp?: number
  /** Default: the current record's; none in a punctuation. */
  readonly headers?: readonly RecordHeader[]
  /** Only to the operator of this name that follows. Default: to all. Throws INVALID_ARGUMENT for another name. */
  readonly to?: string
}

export interface ScheduleOptions {
  /** Ticks lie at this time plus multiples of the interval; those that have passed are left out. */
  readonly anchorMs?: number
}

/** `stream`: event time, as the records of the task carry it forward. `wall`: the clock on the wall. */
export type PunctuationTime = 'stream' | 'wall'

/**
 * What a processor of one task has to work with. Everything is synchronous: what a callback causes is done when it
 * returns, and a call from outside of a callback throws INVALID_ARGUMENT.
 */
export interface ProcessTools<S extends StoreDeclarations> {
  readonly stores: StoresOf<S>
  /** Which partition of its topics the task reads. */
  readonly partition: number
  /** The greatest timestamp of any record that the task has processed; -1 before the first. */
  readonly streamTimeMs: number
  /** The wall clock, ms since the epoch. */
  readonly nowMs: () => number
  /** Asks for a commit as soon as the current record is done, instead of at the end of the commit interval. */
  readonly commit: () => void
  /**
   * Calls back every `intervalMs`, with the time of the call, until the returned function is called (Kafka Streams:
   * Punctuator). By stream time: on multiples of the interval, the first one at the first record, each after the
   * record that reaches it. By wall clock: first after one interval, as punctually as processing allows. Ticks that
   * were missed are made up for by one call, and the next is on the grid again. A task that goes on after a restart
   * does not repeat the ticks of stream time that it has passed.
   */
  readonly schedule: (
    intervalMs: number,
    time: PunctuationTime,
    callback: (timeMs: number) => void | undefined,
    options?: ScheduleOptions,
  ) => () => void
}

export interface ProcessContext<K, V, S extends StoreDeclarations> extends ProcessTools<S> {
  /** Sends a record on. The third argument may be just a timestamp. */
  readonly forward: (key: K | null, value: V | null, options?: number | ForwardOptions) => void
}

export interface ProcessValuesContext<V, S extends StoreDeclarations> extends ProcessTools<S> {
  /** Sends a value on, under the key of the current record: not from a punctuation, which has none. */
  readonly forward: (value: V | null, options?: number | ForwardOptions) => void
}
