import { EvertError } from '../../errors.ts'
import type { RecordColumns } from '../../records/record-columns.ts'
import type { AsyncCall } from '../processors/async-call.ts'
import type { ErrorDecision, ErrorKind, FailedRecord } from '../processors/error-policy.ts'
import type { RecordLimit } from '../../records/record-limit.ts'
import { writeDeadLetter } from './dead-letter.ts'
import type { TaskRules } from './error-rules.ts'
import { type FailedInput, failedPunctuation, failedRead, type InputPlace } from './failed-input.ts'
import { isFaultOfRecord } from './fault.ts'
import type { LiveContext } from './live-context.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { RecordCollector } from '../state/record-collector.ts'
import type { RecordScope } from './record-scope.ts'
import { NOTED, restoredSources, skippedKey } from './skipped-records.ts'
import type { TaskOptions } from './task-options.ts'

export interface TaskErrorsParts {
  readonly rules: TaskRules
  readonly context: LiveContext
  /** Of dead letters. */
  readonly limitOf: (topic: string) => RecordLimit
  /** Present where the rules let a task go on without a record. */
  readonly scope: RecordScope | undefined
}

/**
 * What a task does about what fails in it. By the error policy it goes on without the record, the callback, the result
 * or the output: its effects are taken back, and it is counted, told and perhaps written as a dead letter. Or the task
 * stops with TASK_FAILED. What the surroundings of a task throw, and bugs of ours, are thrown on as they are.
 */
export class TaskErrors {
  /** What is worked on, unless it is the head of a queue: see LiveContext.reading. */
  input: FailedInput = NOTHING
  readonly #taskId: string
  readonly #options: TaskOptions
  readonly #rules: TaskRules
  readonly #context: LiveContext
  readonly #limitOf: (topic: string) => RecordLimit
  readonly #scope: RecordScope | undefined
  readonly #restoredSources: ReadonlySet<string>
  readonly #told = new Map<string, number>()
  #failure: EvertError | undefined

  constructor(options: TaskOptions, { rules, context, limitOf, scope }: TaskErrorsParts) {
    this.#taskId = `${options.subTopology.id}_${options.partition}`
    this.#options = options
    this.#rules = rules
    this.#context = context
    this.#limitOf = limitOf
    this.#scope = scope
    this.#restoredSources = restoredSources(options.subTopology)
  }

  /** Throws TASK_FAILED if the task has stopped. */
  requireNone(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** The record at the head of the queue. The task is to go past it. */
  ofRecord(queue: PartitionQueue, error: unknown): void {
    this.#requireFaultOfRecord(error)
    const isReadable = queue.source.decodes(queue.columns as RecordColumns, queue.index)
    this.#treat(error, isReadable ? 'processing' : 'deserialization', failedRead(queue as InputPlace))
    this.#note(queue)
  }

  /** The callback of a punctuation or timer. */
  ofPunctuation(error: unknown): void {
    this.#requireFaultOfRecord(error)
    this.#treat(error, 'processing', this.input)
  }

  /**
   * A call that was rejected. The record as the operator had it is the unit: what its source record caused besides may
   * be committed long since.
   */
  ofCall(call: AsyncCall, reason: unknown): void {
    this.#treat(reason, 'processing', this.input, () => call.operator.discard(call))
  }

  /** What follows from the result of a call. */
  ofResult(call: AsyncCall, error: unknown): void {
    this.#requireFaultOfRecord(error)
    this.ofCall(call, error)
  }

  /** The output alone is left out; what else its record led to stays (Kafka Streams: ProductionExceptionHandler). */
  ofOutput(error: unknown): void {
    this.#requireFaultOfRecord(error)
    const queue = this.#context.reading
    // A record that does not decode may show it only here.
    if (queue?.source.decodes(queue.columns as RecordColumns, queue.index) === false) throw error
    const input = queue === undefined ? this.input : failedRead(queue as InputPlace)
    this.#goOnWithout(error, this.#record('production', input), {
      input,
      collector: this.#scope ?? this.#options.collector,
    })
  }

  #requireFaultOfRecord(error: unknown): void {
    this.requireNone()
    if (!isFaultOfRecord(error)) throw error
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
      const limit = this.#limitOf(topic)
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
    return { ...record, kind, application, task: this.#taskId, node: this.#context.node }
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
        `Task ${this.#taskId} goes on without what failed ${where}, in node ${node} (${kind}, ${count} so far): ${messageOf(error)}`,
      )
    }
  }

  #fail(cause: unknown, { node, kind }: FailedRecord, { where }: FailedInput): never {
    // Without any policy nothing tells an output from the rest.
    const scope = this.#rules.mayGoOn ? ` (of ${kind} errors)` : ''
    this.#failure = new EvertError(
      'TASK_FAILED',
      `Task ${this.#taskId} stopped ${where}, in node ${node}: ${sentence(messageOf(cause))} ` +
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

/** Another sentence may follow. */
function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
