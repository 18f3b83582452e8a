import type { PendingRecord } from './pending-record.ts'
import type { RecordContext, SourcePosition } from './process-context.ts'

/** What an asynchronous function knows of its record. */
export interface AsyncRecordContext extends RecordContext {
  /**
   * Aborted when the result is no longer wanted: after the timeout, and when the task is closed, handed over or rolled
   * back. Pass it on to what takes one (`fetch(url, { signal })`).
   */
  readonly signal: AbortSignal
}

/** The user's function, without its types. */
export type AsyncMapper = (value: unknown, key: unknown, record: AsyncRecordContext) => unknown

export interface CallLimits {
  /** Of one attempt. Infinity: none. */
  readonly timeoutMs: number
  /** Further attempts after one that failed. */
  readonly retries: number
  /** Before the first of them; it doubles with each. */
  readonly retryBackoffMs: number
}

/** A call of a user's function that a task wants made. Whoever makes it tells the task how it ended. */
export interface AsyncCall {
  readonly operator: AsyncOperator
  readonly node: string
  /** Its record's place among those that the operator took. */
  readonly sequence: number
  readonly record: PendingRecord
  readonly timestamp: number
  readonly limits: CallLimits
  /** One attempt. May throw instead of rejecting. */
  invoke(signal: AbortSignal): unknown
}

/**
 * An operator whose results come after `process` has returned. It starts nothing by itself: the task gives its calls
 * out and brings their results back, between records.
 *
 * Contract: each call that was given out is ended once, by `end` and then either `forward` or `discard`.
 */
export interface AsyncOperator {
  /** It holds so many records that the task takes no more. */
  readonly isFull: boolean
  /** Records that it holds: not called yet, or under way. */
  readonly pending: number
  /** Where those were read, as far as they were. */
  pendingSources(): Iterable<SourcePosition>
  /** The calls that may begin now, each given out once. Asked for only between records. */
  takeCalls(): AsyncCall[]
  /** The call is no longer under way. */
  end(call: AsyncCall): void
  /** Forgets the record, and pushes its result on. */
  forward(call: AsyncCall, value: unknown): void
  /** Forgets the record. */
  discard(call: AsyncCall): void
}
