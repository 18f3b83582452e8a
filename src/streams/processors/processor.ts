import type { Alarm, Punctuation } from './punctuation.ts'
import type { KeyValueStore } from '../state/store.ts'
import type { DropReason } from './drop-reason.ts'
import type { AsyncOperator } from './async-call.ts'
import type { PunctuationTime, SourcePosition } from './process-context.ts'
import type { StreamRecord } from './stream-record.ts'

/**
 * One operator of one task. `process` runs synchronously and pushes its results into the next processor before it
 * returns (depth first), so that every record's whole effect is done before the next record is taken.
 */
export interface Processor {
  process(record: StreamRecord): void
}

/**
 * Builds the processor of a node in a task. Everything that can be decided is decided here, once: `next` is where
 * results go (one processor, or a fan-out over several, or nowhere); `children` are its parts, for routing by choice.
 */
export type ProcessorFactory = (
  context: ProcessorContext,
  next: Processor,
  children: readonly Processor[],
) => Processor

/** The open stores of a task, by name. */
export interface StoreAccess {
  keyValue<V>(store: string): KeyValueStore<V>
}

/** What the task gives to a processor while it is built. */
export interface ProcessorContext extends StoreAccess {
  /** The name of the node. */
  readonly node: string
  /** The names of the nodes that follow, in order. */
  readonly children: readonly string[]
  /** Shared by the task and all its processors. */
  readonly task: TaskContext
  /** Where late records go, of an operator that was given a topic for them. */
  readonly late?: Processor
}

/** The live state of a task that its processors see. */
export interface TaskContext {
  /** The node whose decoder or user function runs; named by errors. Set before each call of one. */
  node: string
  /** Which partition of its topics the task reads. */
  readonly partition: number
  /** The greatest timestamp of any record processed so far; -1 before the first. */
  streamTime: number
  /** Where the record was read whose effects are happening; undefined in a punctuation. */
  readonly source: SourcePosition | undefined
  /** The wall clock. */
  nowMs(): number
  /** Whether records of the task wait to be processed, or for the results of calls. */
  hasInput(): boolean
  /** Calls back by event time or wall clock, until the returned function is called; `anchorMs` sets the grid. */
  schedule(punctuation: Punctuation, time: PunctuationTime, anchorMs: number | undefined): () => void
  /** A callback that is due when it is told to be, by event time or wall clock. */
  alarm(node: string, time: PunctuationTime, callback: (timeMs: number) => unknown): Alarm
  /** Asks for a commit before the interval is over. */
  requestCommit(): void
  /** Calls back when the task goes away: it ends, or its processors are made anew. */
  onClose(callback: () => unknown): void
  /** An operator whose results come later; called while it is built. */
  attach(operator: AsyncOperator): void
  /** Counts a record that is dropped as Kafka Streams does (`dropped-records`). */
  drop(node: string, reason: DropReason): void
}
