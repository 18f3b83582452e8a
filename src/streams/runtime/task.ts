import { EvertError } from '../../errors.ts'
import { assert, AssertionError } from '../../internal/assert.ts'
import { systemClock } from '../../internal/clock.ts'
import type { Latency } from '../../internal/latency.ts'
import type { RecordColumns } from '../../records/record-columns.ts'
import { buildProcessors } from '../processors/build.ts'
import type { AsyncCall } from '../processors/async-call.ts'
import type { SourceProcessor } from '../processors/source.ts'
import type { ErrorDecision, ErrorKind, FailedRecord } from '../processors/error-policy.ts'
import { GuardedOutput } from '../processors/guarded-output.ts'
import { UNLIMITED } from '../processors/record-limit.ts'
import { writeDeadLetter } from './dead-letter.ts'
import { TaskRules } from './error-rules.ts'
import {
  type FailedInput,
  failedCall,
  failedPunctuation,
  failedRead,
  type InputPlace,
} from './failed-input.ts'
import { isFaultOfRecord } from './fault.ts'
import { PartitionQueue } from './partition-queue.ts'
import type { Punctuations } from './punctuations.ts'
import { LiveContext } from './live-context.ts'
import { TaskCounts } from './record-counts.ts'
import type { RecordCollector } from './record-collector.ts'
import { RecordScope } from './record-scope.ts'
import { TaskCalls } from './task-calls.ts'
import type { TracedRecord } from './telemetry.ts'
import { tracedCall, tracedCollector, TracedSource } from './tracing.ts'
import { NOTED, restoredSources, skippedKey } from './skipped-records.ts'
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
  readonly #rules: TaskRules
  readonly #scope: RecordScope | undefined
  readonly #restoredSources: ReadonlySet<string>
  readonly #latency: Latency
  /** Of the records that are processed now. */
  #nowMs = 0
  #done = 0
  #failure: EvertError | undefined
  /** What is worked on, unless it is the head of a queue: see LiveContext.reading. */
  #other: FailedInput = NOTHING
  readonly #told = new Map<string, number>()

  constructor(options: TaskOptions) {
    const { subTopology, partition, onError, counts = new TaskCounts() } = options
    const { limitOf = unlimited } = options
    this.id = `${subTopology.id}_${partition}`
    this.#options = options
    this.#rules = new TaskRules(subTopology.nodes, onError)
    this.#restoredSources = restoredSources(subTopology)
    this.#latency = counts.endToEnd
    this.#context = new LiveContext(partition, options.nowMs ?? (() => systemClock.nowMs()), counts)
    this.#context.hasInput = () => this.buffered > 0 || this.calls.pending > 0
    const undoes = this.#rules.mayDrop || options.verifyChanges !== undefined
    this.#scope = undoes ? new RecordScope(options.stores, options.collector) : undefined
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
      guard: this.#rules.mayGoOn
        ? output => new GuardedOutput(output, error => this.#failedOutput(error))
        : undefined,
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
    if (this.#failure !== undefined) throw this.#failure
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
        else if (this.#order.length === 1) this.#runOnly(queue, limit)
        else this.#run(queue, limit)
      } catch (error) {
        if (error === this.#failure) throw error
        this.#failed(this.#choose() as PartitionQueue, error)
      }
    }
    // A function may have caught what was thrown in what it called.
    if (this.#failure !== undefined) throw this.#failure
    return this.#done
  }

  /**
   * Passes on the result of a call, with all that follows from it, or treats its record by the error policy. That it
   * has no result yet is part of the task's state: after a crash the call is given out again. Throws as `process`.
   */
  complete(call: AsyncCall, outcome: PromiseSettledResult<unknown>): void {
    if (this.#failure !== undefined) throw this.#failure
    const context = this.#context
    context.reading = undefined
    context.origin = call.record.source
    context.node = call.node
    this.#other = failedCall(call)
    call.operator.end(call)
    if (outcome.status === 'rejected') this.#failedCall(call, outcome.reason)
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
    if (this.#failure !== undefined) throw this.#failure
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

  /** A task with one input has no choice to make per record. */
  #runOnly(queue: PartitionQueue, maxRecords: number): void {
    const { timers } = this.#context
    while (this.#done < maxRecords && queue.columns !== undefined) {
      if (queue.headTimestamp > timers.dueAt) this.#callBefore(queue.headTimestamp)
      this.#push(queue)
      this.#passed(queue)
    }
  }

  #run(first: PartitionQueue, maxRecords: number): void {
    let queue: PartitionQueue | undefined = first
    const { timers } = this.#context
    while (queue !== undefined && this.#done < maxRecords) {
      if (queue.headTimestamp > timers.dueAt) this.#callBefore(queue.headTimestamp)
      this.#push(queue)
      this.#passed(queue)
      queue = this.#choose()
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
    const { streamTime, timers, byStreamTime } = this.#context
    if (streamTime >= timers.dueAt || streamTime >= byStreamTime.dueAt) this.#callDue()
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
    this.#other = failedPunctuation(timeMs)
    try {
      due.callback(timeMs)
      if (this.#scope !== undefined) this.#keep(this.#scope)
    } catch (error) {
      this.#requireFaultOfRecord(error)
      this.#treat(error, 'processing', this.#other)
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

  /** Passes on what no error policy is about. */
  #requireFaultOfRecord(error: unknown): void {
    if (error === this.#failure || !isFaultOfRecord(error)) throw error
  }

  #keep(scope: RecordScope): void {
    this.#options.verifyChanges?.()
    scope.keep()
  }

  #failed(queue: PartitionQueue, error: unknown): void {
    this.#requireFaultOfRecord(error)
    const isReadable = queue.source.decodes(queue.columns as RecordColumns, queue.index)
    this.#treat(error, isReadable ? 'processing' : 'deserialization', failedRead(queue as InputPlace))
    this.#note(queue)
    this.#passed(queue)
  }

  /** The output alone is left out; what else its record led to stays (Kafka Streams: ProductionExceptionHandler). */
  #failedOutput(error: unknown): void {
    this.#requireFaultOfRecord(error)
    const queue = this.#context.reading
    // A record that does not decode may show it only here.
    if (queue?.source.decodes(queue.columns as RecordColumns, queue.index) === false) throw error
    const input = queue === undefined ? this.#other : failedRead(queue as InputPlace)
    this.#goOnWithout(error, this.#record('production', input), {
      input,
      collector: this.#scope ?? this.#options.collector,
    })
  }

  /** See skipped-records.ts. */
  #note({ topic, columns, index, headTimestamp }: PartitionQueue): void {
    const { skippedTopic, collector, partition } = this.#options
    if (skippedTopic === undefined || !this.#restoredSources.has(topic)) return
    const offset = (columns as RecordColumns).offset(index)
    collector.collect(
      skippedTopic,
      0,
      Math.max(headTimestamp, 0),
      skippedKey({ topic, partition, offset }),
      NOTED,
      [],
    )
  }

  #forwardResult(call: AsyncCall, result: unknown): void {
    try {
      call.operator.forward(call, result)
      if (this.#scope !== undefined) this.#keep(this.#scope)
    } catch (error) {
      this.#requireFaultOfRecord(error)
      this.#failedCall(call, error)
    }
  }

  /** The record as the operator had it is the unit: what its source record caused besides may be committed long since. */
  #failedCall(call: AsyncCall, error: unknown): void {
    this.#treat(error, 'processing', this.#other, () => call.operator.discard(call))
  }

  /** Takes back what the input led to and goes on without it, or throws. */
  #treat(error: unknown, kind: ErrorKind, input: FailedInput, discard = (): void => {}): void {
    const record = this.#record(kind, input)
    this.#goOnWithout(error, record, {
      input,
      collector: this.#options.collector,
      undo: scope => {
        scope.undo()
        discard()
        scope.keep()
      },
    })
  }

  #goOnWithout(error: unknown, record: FailedRecord, { input, collector, undo }: Leaving): void {
    const decision = this.#decide(error, record, input)
    if (decision === 'fail') this.#fail(error, record, input)
    if (undo !== undefined) undo(this.#scope as RecordScope)
    if (decision !== 'skip') {
      const topic = decision.deadLetter
      const limit = (this.#options.limitOf ?? unlimited)(topic)
      try {
        writeDeadLetter(collector, { topic, limit }, { error, record })
      } catch (refused) {
        if (!isFaultOfRecord(refused)) throw refused
        this.#fail(refused, record, input)
      }
    }
    this.#context.drop(record.node, record.kind)
    this.#tell(error, record, input)
  }

  #decide(error: unknown, record: FailedRecord, input: FailedInput): ErrorDecision {
    try {
      return this.#rules.decide(error, record)
    } catch (thrown) {
      return this.#fail(thrown, record, input)
    }
  }

  #record(kind: ErrorKind, { record }: FailedInput): FailedRecord {
    const { applicationId: application = '' } = this.#options
    return { ...record, kind, application, task: this.id, node: this.#context.node }
  }

  /** Of a flood of failures every line says twice as much as the one before. */
  #tell(error: unknown, { kind, node }: FailedRecord, { where }: FailedInput): void {
    const { warn } = this.#options
    if (warn === undefined) return
    const each = `${kind}/${node}`
    const count = (this.#told.get(each) ?? 0) + 1
    this.#told.set(each, count)
    if (Number.isInteger(Math.log2(count))) {
      warn(
        `Task ${this.id} goes on without what failed ${where}, in node ${node} (${kind}, ${count} so far): ${messageOf(error)}`,
      )
    }
  }

  #fail(cause: unknown, { node, kind }: FailedRecord, { where }: FailedInput): never {
    // Without any policy nothing tells an output from the rest.
    const scope = this.#rules.mayGoOn ? ` (of ${kind} errors)` : ''
    this.#failure = new EvertError(
      'TASK_FAILED',
      `Task ${this.id} stopped ${where}, in node ${node}: ${sentence(messageOf(cause))} ` +
        `Correct the function or the record, or choose onError: skip or deadLetter${scope}.`,
      { cause },
    )
    throw this.#failure
  }
}

/** How a task goes on without something. */
interface Leaving {
  readonly input: FailedInput
  /** Of the dead letter. */
  readonly collector: RecordCollector
  readonly undo?: (scope: RecordScope) => void
}

const NOTHING = failedPunctuation(-1)
const unlimited = () => UNLIMITED
const waitsForNone = () => false

function countOfNone(topic: string): never {
  throw new AssertionError(`the task was not told how many partitions ${topic} has`)
}

/** Another sentence may follow. */
function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
