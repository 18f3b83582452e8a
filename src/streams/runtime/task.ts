import { EvertError } from '../../errors.ts'
import { assert, AssertionError } from '../../internal/assert.ts'
import { systemClock } from '../../internal/clock.ts'
import type { Latency } from '../../internal/latency.ts'
import type { RecordColumns } from '../../records/record-columns.ts'
import { buildProcessors } from './build-processors.ts'
import type { AsyncCall } from '../processors/async-call.ts'
import type { SourceProcessor } from '../processors/source.ts'
import { GuardedOutput } from '../processors/guarded-output.ts'
import { UNLIMITED } from '../../records/record-limit.ts'
import { TaskRules } from './error-rules.ts'
import { failedCall, failedPunctuation } from './failed-input.ts'
import { PartitionQueue } from './partition-queue.ts'
import type { Punctuations } from './punctuations.ts'
import { LiveContext } from './live-context.ts'
import { TaskCounts } from './record-counts.ts'
import { RecordScope } from './record-scope.ts'
import { TaskCalls } from './task-calls.ts'
import { TaskErrors } from './task-errors.ts'
import type { TracedRecord } from './telemetry.ts'
import { tracedCall, tracedCollector, TracedSource } from './tracing.ts'
import type { TaskInput, TaskOptions, TaskPosition } from './task-options.ts'

/**
 * Runs one sub-topology for one partition: takes records in, pushes each through the processors, and keeps count of
 * how far it came. Pure: no I/O, no timers, no promises; the runtime around it fetches, commits and restores.
 *
 * Among its input partitions it takes the one whose next record has the lowest timestamp; within a partition it
 * keeps the order of offsets (Kafka Streams: PartitionGroup). Every record's effects are complete before the next
 * record is taken, so a commit may follow any call of `process`.
 */
export class Task {
  /** `<sub-topology>_<partition>`. */
  readonly id: string
  /** Of its asynchronous operators. */
  readonly calls: TaskCalls
  readonly #queues = new Map<string, PartitionQueue>()
  readonly #order: PartitionQueue[] = []
  readonly #context: LiveContext
  readonly #options: TaskOptions
  readonly #errors: TaskErrors
  readonly #scope: RecordScope | undefined
  readonly #latency: Latency
  /** Of the records that are processed now. */
  #nowMs = 0
  #done = 0

  constructor(options: TaskOptions) {
    const { subTopology, partition, onError, counts = new TaskCounts() } = options
    const { limitOf = unlimited } = options
    this.id = `${subTopology.id}_${partition}`
    this.#options = options
    this.#latency = counts.endToEnd
    this.#context = new LiveContext(partition, options.nowMs ?? (() => systemClock.nowMs()), counts)
    this.#context.hasInput = () => this.buffered > 0 || this.calls.pending > 0
    const rules = new TaskRules(subTopology.nodes, onError)
    const undoes = rules.mayDrop || options.verifyChanges !== undefined
    this.#scope = undoes ? new RecordScope(options.stores, options.collector) : undefined
    const errors = new TaskErrors(options, { rules, context: this.#context, limitOf, scope: this.#scope })
    this.#errors = errors
    this.calls = new TaskCalls(this.#context.asyncOperators)
    const { tracer } = options
    const collector = this.#scope ?? options.collector
    const sources = buildProcessors(subTopology, {
      task: this.#context,
      stores: counts.stores(this.#scope ?? options.stores),
      collector: tracer === undefined ? collector : tracedCollector(collector, tracer),
      around: (node, processor) => counts.processor(node, processor),
      partitionsOf: options.partitionsOf ?? countOfNone,
      limitOf,
      guard: rules.mayGoOn ? output => new GuardedOutput(output, error => errors.ofOutput(error)) : undefined,
    })
    for (const [topic, source] of sources) {
      const queue = new PartitionQueue(topic, partition, this.#traced(source))
      queue.outOfOrder = counts.outOfOrderOf(source.name)
      this.#queues.set(topic, queue)
      this.#order.push(queue)
    }
    // What processors wrote while they were made belongs to no record.
    this.#scope?.keep()
  }

  /** The greatest timestamp of any record processed; -1 before the first. */
  get streamTime(): number {
    return this.#context.streamTime
  }

  /** Goes on from the stream time of an earlier life of the task, as its last commit recorded it. */
  restoreStreamTime(timestamp: number): void {
    this.#context.streamTime = Math.max(this.#context.streamTime, timestamp)
    this.#context.byStreamTime.skipTo(this.#context.streamTime)
  }

  /** The same for the time of one input partition, which its timestamp extractor sees. */
  restorePartitionTime(topic: string, timestamp: number): void {
    const queue = this.#queues.get(topic)
    if (queue !== undefined) queue.partitionTime = Math.max(queue.partitionTime, timestamp)
  }

  /** The greatest timestamp that an extractor gave to a record of the input partition, or -1. */
  partitionTimeOf(topic: string): number {
    return this.#queues.get(topic)?.partitionTime ?? -1
  }

  /** Takes fetched records of one input partition. Buffers are kept until their records are processed. */
  enqueue(input: TaskInput): void {
    const queue = this.#queues.get(input.topic)
    assert(
      queue !== undefined && queue.partition === input.partition,
      `task ${this.id} got records of ${input.topic}-${input.partition}, which it does not read`,
    )
    queue.add(input)
  }

  /** Records waiting in one input partition. */
  bufferedOf(topic: string): number {
    return this.#queues.get(topic)?.buffered ?? 0
  }

  /** How many offsets lie between the last processed record of an input partition and the end of what it was given. */
  offsetsBufferedOf(topic: string): number {
    return this.#queues.get(topic)?.offsetsBuffered ?? 0
  }

  /** Records waiting in all input partitions. */
  get buffered(): number {
    let sum = 0
    for (const queue of this.#order) sum += queue.buffered
    return sum
  }

  /**
   * Processes up to `maxRecords` waiting records and returns how many it took (those that an error policy dropped
   * included). Throws TASK_FAILED when a record fails under the policy `fail`, and what the stores or the collector
   * throw as it is; the task is then of no more use and its open transaction must be aborted.
   *
   * `waitsFor` is asked once about each input of several: whether the task stops when that input has no record.
   */
  process(maxRecords: number, waitsFor: (topic: string) => boolean = waitsForNone): number {
    this.#errors.requireNone()
    this.#done = 0
    this.#nowMs = this.#context.nowMs()
    if (this.#order.length > 1) for (const queue of this.#order) queue.mustWait = waitsFor(queue.topic)
    const makesCalls = this.calls.areMade
    while (this.#done < maxRecords && !this.calls.areFull) {
      // What it may take depends on each record's calls.
      const limit = makesCalls ? this.#done + 1 : maxRecords
      const queue = this.#choose()
      if (queue === undefined) break
      try {
        if (this.#scope !== undefined) this.#step(queue, this.#scope)
        else this.#run(queue, limit)
      } catch (error) {
        const queue = this.#choose() as PartitionQueue
        this.#errors.ofRecord(queue, error)
        this.#passed(queue)
      }
    }
    // A function may have caught what was thrown in what it called.
    this.#errors.requireNone()
    return this.#done
  }

  /**
   * Passes on the result of a call, with all that follows from it, or treats its record by the error policy. That it
   * has no result yet is part of the task's state: after a crash the call is given out again. Throws as `process`.
   */
  complete(call: AsyncCall, outcome: PromiseSettledResult<unknown>): void {
    this.#errors.requireNone()
    const context = this.#context
    context.reading = undefined
    context.origin = call.record.source
    context.node = call.node
    this.#errors.input = failedCall(call)
    call.operator.end(call)
    if (outcome.status === 'rejected') this.#errors.ofCall(call, outcome.reason)
    else if (this.#options.tracer === undefined) this.#forwardResult(call, outcome.value)
    else this.#options.tracer.process(this.#tracedCall(call), () => this.#forwardResult(call, outcome.value))
    context.origin = undefined
    this.#callDue()
  }

  /** When the next punctuation by wall clock is due; Infinity when there is none. */
  get wakesAtMs(): number {
    return this.#context.byWallClock.dueAt
  }

  /** Calls the punctuations by wall clock that are due, and returns how many. Throws as `process`. */
  punctuate(): number {
    this.#errors.requireNone()
    const { byWallClock } = this.#context
    const nowMs = this.#context.nowMs()
    let called = 0
    while (this.#callNext(byWallClock, nowMs)) {
      called++
      this.#callDue()
    }
    return called
  }

  /** A processor asked for a commit before the interval is over. */
  get wantsCommit(): boolean {
    return this.#context.wantsCommit
  }

  /** A commit has followed. */
  committed(): void {
    this.#context.wantsCommit = false
  }

  /** Tells the processors that they will not be used any longer; what they throw then is given to `onError`. */
  close(onError: (error: unknown) => void): void {
    this.#context.close(onError)
  }

  /** Where each input partition that was given records now stands; what a commit records. */
  positions(): TaskPosition[] {
    const positions: TaskPosition[] = []
    for (const { topic, partition, position } of this.#order) {
      if (position !== undefined) positions.push({ topic, partition, offset: position })
    }
    return positions
  }

  #traced(source: SourceProcessor): SourceProcessor {
    const { tracer, applicationId = '' } = this.#options
    if (tracer === undefined) return source
    const position = () => this.#context.source
    return new TracedSource(source, { tracer, applicationId, task: this.id, position })
  }

  #tracedCall(call: AsyncCall): TracedRecord {
    return tracedCall(call, this.id, this.#options.applicationId)
  }

  #choose(): PartitionQueue | undefined {
    let chosen: PartitionQueue | undefined
    let lowest = Infinity
    for (const queue of this.#order) {
      if (queue.headTimestamp < lowest) {
        lowest = queue.headTimestamp
        chosen = queue
      } else if (queue.mustWait && queue.columns === undefined) {
        return undefined
      }
    }
    return chosen
  }

  #run(first: PartitionQueue, maxRecords: number): void {
    const context = this.#context
    const { timers, byStreamTime } = context
    // A task with one input has no choice to make per record.
    const isOnly = this.#order.length === 1
    let queue: PartitionQueue | undefined = first
    while (queue !== undefined && this.#done < maxRecords) {
      if (queue.headTimestamp > timers.dueAt) this.#callBefore(queue.headTimestamp)
      this.#push(queue)
      queue.advance()
      this.#done++
      if (context.streamTime >= timers.dueAt || context.streamTime >= byStreamTime.dueAt) this.#callDue()
      if (!isOnly) queue = this.#choose()
      else if (queue.columns === undefined) return
    }
  }

  /** One record whose effects can be taken back. */
  #step(queue: PartitionQueue, scope: RecordScope): void {
    if (queue.headTimestamp > this.#context.timers.dueAt) this.#callBefore(queue.headTimestamp)
    this.#push(queue)
    this.#keep(scope)
    this.#passed(queue)
  }

  /** Time moves on with records that fail too: a restart takes what was due by then as called. */
  #passed(queue: PartitionQueue): void {
    queue.advance()
    this.#done++
    this.#callDue()
  }

  /** The timers that are due before a record of this time. */
  #callBefore(timestamp: number): void {
    const { timers } = this.#context
    while (this.#callNext(timers, timestamp - 1));
  }

  /** What is due by stream time. Any callback may set a timer that is due: it is the next one. */
  #callDue(): void {
    const { streamTime, timers, byStreamTime } = this.#context
    while (this.#callNext(timers, streamTime) || this.#callNext(byStreamTime, streamTime));
  }

  /** One callback, if one is due at this time. Its effects are a unit, as a record's are. */
  #callNext(punctuations: Punctuations, timeMs: number): boolean {
    const due = punctuations.takeDue(timeMs)
    if (due === undefined) return false
    const context = this.#context
    context.reading = undefined
    context.node = due.node
    this.#errors.input = failedPunctuation(timeMs)
    try {
      due.callback(timeMs)
      if (this.#scope !== undefined) this.#keep(this.#scope)
    } catch (error) {
      this.#errors.ofPunctuation(error)
    }
    return true
  }

  #push(queue: PartitionQueue): void {
    const timestamp = queue.headTimestamp
    const context = this.#context
    context.node = queue.source.name
    context.reading = queue
    this.#latency.record(this.#nowMs - timestamp)
    if (timestamp < 0) return this.#pushNegative(queue)
    if (timestamp > context.streamTime) context.streamTime = timestamp
    else if (timestamp < context.streamTime) queue.outOfOrder.count++
    if (queue.stamped !== undefined) queue.source.forward(queue.stamped)
    else queue.source.process(queue.columns as RecordColumns, queue.index, timestamp)
  }

  /** An extractor may say that a record has no place in time; a record by itself must have one. */
  #pushNegative({ headTimestamp, stamped, fault, source }: PartitionQueue): void {
    if (fault !== undefined) throw fault
    if (stamped !== undefined) return this.#context.drop(source.name, 'invalid-timestamp')
    throw new EvertError('INVALID_VALUE', `Its timestamp is negative: ${headTimestamp}.`)
  }

  #keep(scope: RecordScope): void {
    this.#options.verifyChanges?.()
    scope.keep()
  }

  #forwardResult(call: AsyncCall, result: unknown): void {
    try {
      call.operator.forward(call, result)
      if (this.#scope !== undefined) this.#keep(this.#scope)
    } catch (error) {
      this.#errors.ofResult(call, error)
    }
  }
}

const unlimited = () => UNLIMITED
const waitsForNone = () => false

function countOfNone(topic: string): never {
  throw new AssertionError(`the task was not told how many partitions ${topic} has`)
}
