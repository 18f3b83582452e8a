import { assertHeaders } from '../../records/record-headers.ts'
import type { Codec } from '../../contracts/codec.ts'
import { describeValue } from '../../contracts/schema.ts'
import { EvertError } from '../../errors.ts'
import { isPromise } from '../../internal/is-promise.ts'
import { cellOf } from './cell.ts'
import type {
  ForwardOptions,
  ProcessContext,
  ProcessTools,
  ProcessValuesContext,
  PunctuationTime,
  RecordContext,
  ScheduleOptions,
} from './process-context.ts'
import type { Processor, ProcessorContext, ProcessorFactory } from './processor.ts'
import { CONNECTION, type ProcessorTime, type StoreDeclarations } from './store-declaration.ts'
import { StreamRecord } from './stream-record.ts'

/** What is called with each record of a task. */
export type RecordCallback = (value: unknown, key: unknown, record: RecordContext) => unknown

export interface UserProcessorPlan {
  /** Undefined: results keep the key of the record. */
  readonly key: Codec<unknown> | undefined
  readonly value: Codec<unknown>
  readonly stores: StoreDeclarations
  /** Called once per task. */
  readonly create: (
    context: never,
  ) => RecordCallback | { readonly process: RecordCallback; readonly close?: () => unknown }
}

/** Runs the user's own function for each record of a task (Kafka Streams: Processor API, KIP-478, KIP-820). */
export function userProcessor(plan: UserProcessorPlan): ProcessorFactory {
  return (context, next, children) => new UserProcessor(plan, context, next, children)
}

class UserProcessor implements Processor {
  readonly #plan: UserProcessorPlan
  readonly #context: ProcessorContext
  readonly #next: Processor
  readonly #children: ReadonlyMap<string, Processor>
  readonly #callback: RecordCallback
  /** The record that the callback has; undefined in a punctuation. */
  #record: StreamRecord | undefined
  #timestamp = -1
  #isActive = false

  constructor(
    plan: UserProcessorPlan,
    context: ProcessorContext,
    next: Processor,
    children: readonly Processor[],
  ) {
    this.#plan = plan
    this.#context = context
    this.#next = next
    this.#children = new Map(context.children.map((name, i) => [name, children[i] as Processor]))
    context.task.node = context.node
    const made = requireProcessor(plan.create(this.#tools() as never), context.node)
    if (typeof made === 'function') this.#callback = made
    else {
      this.#callback = made.process.bind(made)
      if (made.close !== undefined) context.task.onClose(made.close.bind(made))
    }
  }

  process(record: StreamRecord): void {
    const { task, node } = this.#context
    const { key, value, timestamp, headers } = record
    task.node = node
    this.#begin(record, timestamp)
    const result = this.#callback(value === null ? null : value.value, key === null ? null : key.value, {
      timestamp,
      headers,
      source: task.source,
    })
    this.#isActive = false
    if (result !== undefined) assertNoPromise(result, node)
  }

  /** Undone by the next call after a callback that threw: the record or the punctuation is then over too. */
  #begin(record: StreamRecord | undefined, timestamp: number): void {
    this.#record = record
    this.#timestamp = timestamp
    this.#isActive = true
  }

  /** A punctuation, or a timer. */
  #during(timeMs: number, callback: () => unknown): void {
    this.#begin(undefined, timeMs)
    const result = callback()
    this.#isActive = false
    if (result !== undefined) assertNoPromise(result, this.#context.node)
  }

  /** The time of the current record or punctuation. */
  #now(): number {
    if (this.#isActive) return this.#timestamp
    throw new EvertError(
      'INVALID_ARGUMENT',
      `The processor "${this.#context.node}" forwards or writes outside of its callbacks. All that a record causes ` +
        'must be done when its callback returns: await nothing in it.',
    )
  }

  #tools():
    | ProcessContext<unknown, unknown, StoreDeclarations>
    | ProcessValuesContext<unknown, StoreDeclarations> {
    const { task } = this.#context
    const { key } = this.#plan
    const shared: ProcessTools<StoreDeclarations> = {
      stores: this.#stores(),
      partition: task.partition,
      get streamTimeMs() {
        return task.streamTime
      },
      nowMs: () => task.nowMs(),
      commit: () => task.requestCommit(),
      schedule: (intervalMs, time, callback, options) =>
        this.#schedule(intervalMs, time, { callback, ...options }),
    }
    const forward =
      key === undefined
        ? (value: unknown, options?: number | ForwardOptions) => this.#forwardValue(value, options)
        : (newKey: unknown, value: unknown, options?: number | ForwardOptions) =>
            this.#forward(cellOf(newKey, key), value, options)
    return Object.defineProperties({ forward }, Object.getOwnPropertyDescriptors(shared)) as ProcessContext<
      unknown,
      unknown,
      StoreDeclarations
    >
  }

  #stores(): Record<string, unknown> {
    const during: ProcessorTime['during'] = (timeMs, callback) => this.#during(timeMs, callback)
    const time: ProcessorTime = Object.defineProperty({ timestamp: 0, during }, 'timestamp', {
      get: () => this.#now(),
    })
    return Object.fromEntries(
      Object.entries(this.#plan.stores).map(([property, store]) => [
        property,
        store[CONNECTION].open(this.#context, time),
      ]),
    )
  }

  #forwardValue(value: unknown, options: number | ForwardOptions | undefined): void {
    this.#now()
    if (this.#record === undefined) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        `The processor "${this.#context.node}" forwards a value from a punctuation, where no record gives it a key. ` +
          'Declare it with process instead of processValues.',
      )
    }
    this.#forward(this.#record.key, value, options)
  }

  #forward(key: StreamRecord['key'], value: unknown, options: number | ForwardOptions | undefined): void {
    const now = this.#now()
    const {
      timestamp = now,
      headers = this.#record?.headers ?? NO_HEADERS,
      to,
    } = typeof options === 'number' ? ({ timestamp: options } as ForwardOptions) : (options ?? NO_OPTIONS)
    const { node, task } = this.#context
    if (!Number.isSafeInteger(timestamp) || timestamp < 0) {
      throw new EvertError(
        'INVALID_VALUE',
        `The processor "${node}" forwards a record with the timestamp ${timestamp}: it must be whole milliseconds, 0 or more.`,
      )
    }
    const next = to === undefined ? this.#next : this.#child(to)
    if (headers !== this.#record?.headers) assertHeaders(headers)
    next.process(new StreamRecord(key, cellOf(value, this.#plan.value), null, timestamp, headers, true))
    task.node = node
  }

  #child(name: string): Processor {
    const child = this.#children.get(name)
    if (child !== undefined) return child
    throw new EvertError(
      'INVALID_ARGUMENT',
      `The processor "${this.#context.node}" forwards to "${name}", which does not follow it. ` +
        `What follows: ${[...this.#children.keys()].join(', ') || 'nothing'}.`,
    )
  }

  #schedule(
    intervalMs: number,
    time: PunctuationTime,
    { callback, anchorMs }: ScheduleOptions & { readonly callback: (timeMs: number) => unknown },
  ): () => void {
    const { node, task } = this.#context
    if (!Number.isSafeInteger(intervalMs) || intervalMs < 1) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        `The processor "${node}" schedules with an interval of ${intervalMs}: it must be whole milliseconds, 1 or more.`,
      )
    }
    if (anchorMs !== undefined && (!Number.isSafeInteger(anchorMs) || anchorMs < 0)) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        `The processor "${node}" schedules with an anchorMs of ${anchorMs}: it must be whole milliseconds, 0 or more.`,
      )
    }
    const punctuation = {
      node,
      intervalMs,
      callback: (timeMs: number) => this.#during(timeMs, () => callback(timeMs)),
    }
    return task.schedule(punctuation, time, anchorMs)
  }
}

/** What `create` returned. */
function requireProcessor(made: unknown, node: string): ReturnType<UserProcessorPlan['create']> {
  const { process, close } = (made ?? {}) as Record<string, unknown>
  const isObject = typeof process === 'function' && (close === undefined || typeof close === 'function')
  if (typeof made === 'function' || isObject) return made as ReturnType<UserProcessorPlan['create']>
  throw new EvertError(
    'INVALID_TOPOLOGY',
    `The processor "${node}" has a create that must return a function (value, key, record), or { process, close } with ` +
      `functions; got ${describeValue(made)}.`,
  )
}

/** The record would count as done before it is. */
function assertNoPromise(result: unknown, node: string): void {
  if (!isPromise(result)) return
  // It is not waited for, so that what it rejects with must not end the process.
  result.then(undefined, () => undefined)
  throw new EvertError(
    'INVALID_ARGUMENT',
    `The processor "${node}" has a callback that returned a promise. All that a record causes must be done when its ` +
      'callback returns: await nothing in it, and use mapAsync for what takes its time.',
  )
}

const NO_HEADERS: StreamRecord['headers'] = []
const NO_OPTIONS: ForwardOptions = {}
