import { Worker } from 'node:worker_threads'
import { EvertError } from '../../errors.ts'
import { deferred } from '../../internal/deferred.ts'
import type { MetricFamily } from '../../internal/metric.ts'
import type { ApplicationState } from '../../streams/runtime/application-life.ts'
import { fromErrorMessage } from './error-message.ts'
import type { FromWorker, ToWorker, WorkerCounts, WorkerStart, WorkerTask } from './messages.ts'

type MessageOf<Type extends FromWorker['type']> = Extract<FromWorker, { type: Type }>

export interface WorkerEvents {
  onChange(handle: WorkerHandle): void
  onRestore(message: MessageOf<'restore'>): void
  onLog(message: MessageOf<'log'>): void
}

/** Beside this file; the sources run as they are. */
const ENTRY = new URL(`./thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

/** A worker thread, as the main thread knows it. */
export class WorkerHandle {
  readonly number: number
  readonly name: string
  state: ApplicationState = 'CREATED'
  tasks: readonly WorkerTask[] = []
  counts: WorkerCounts = { dropped: [], outOfOrder: [] }
  metrics: readonly MetricFamily[] = []
  restoredRatio = 0
  maxLag = 0
  isAssigned = false
  /** The pool has told it to close. */
  isClosing = false
  readonly #thread: Worker
  readonly #events: WorkerEvents
  readonly #joined = deferred<void>()
  readonly #ended = deferred<Error | undefined>()
  #isEnded = false
  /** Its end was asked for, or announced: `told` is how it went. */
  #isTold = false
  #told: Error | undefined

  constructor(start: WorkerStart, events: WorkerEvents) {
    this.number = start.worker
    this.name = `${start.applicationId}-${start.worker}`
    this.#events = events
    this.#thread = new Worker(ENTRY, { workerData: start, name: this.name })
    this.#thread.on('message', (message: FromWorker) => this.#hear(message))
    this.#thread.on('error', (error: unknown) => this.#end(asError(error)))
    this.#thread.on('exit', code => {
      const died = new EvertError('CLOSED', `The thread of worker ${this.name} ended with status ${code}.`)
      this.#end(this.#isTold ? this.#told : died)
    })
    this.#joined.promise.catch(() => {})
  }

  /** Resolves when it is a member of the group. Rejects when it ends before. */
  get joined(): Promise<void> {
    return this.#joined.promise
  }

  /** Resolves when the thread is gone, with why if it was not told to end. */
  get ended(): Promise<Error | undefined> {
    return this.#ended.promise
  }

  send(message: ToWorker): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#thread.postMessage(message)
  }

  /** Ends the thread wherever it is, as a crash would. */
  async kill(): Promise<void> {
    this.#isTold = true
    await this.#thread.terminate()
  }

  #hear(message: FromWorker): void {
    switch (message.type) {
      case 'joined':
        return this.#joined.resolve()
      case 'assigned':
        this.isAssigned = true
        return this.#events.onChange(this)
      case 'changed':
        this.state = message.state
        this.tasks = message.tasks
        this.restoredRatio = message.restoredRatio
        this.maxLag = message.maxLag
        this.counts = message.counts ?? this.counts
        return this.#events.onChange(this)
      case 'metrics':
        this.metrics = message.families
        return
      case 'restore':
        return this.#events.onRestore(message)
      case 'log':
        return this.#events.onLog(message)
      case 'ended':
        this.#told = message.failure === undefined ? undefined : fromErrorMessage(message.failure)
        // What else the module has opened would keep the thread alive.
        void this.kill()
    }
  }

  #end(failure: Error | undefined): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#joined.reject(failure ?? new EvertError('CLOSED', `The worker ${this.name} was closed.`))
    this.#ended.resolve(failure)
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
