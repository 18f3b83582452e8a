import type { Cluster } from '../client/cluster.ts'
import type { Acknowledgement } from '../client/partition-queue.ts'
import type { Producer, ProducerRecord } from '../client/producer.ts'
import { mergePositions, type Position, positionAfter } from '../contracts/position.ts'
import type { Topic } from '../contracts/topic.ts'
import { EvertError, isEvertError } from '../errors.ts'
import type { MetricFamily } from '../internal/metric.ts'
import type { RecordHeader } from '../records/record-batch.ts'
import type { Instance } from './instance.ts'
import type { DroppedRecords, OutOfOrderRecords } from '../streams/runtime/record-counts.ts'
import type { ApplicationState } from '../streams/runtime/application-life.ts'
import type { RecordTracer } from '../streams/runtime/telemetry.ts'
import type { RunningServer } from '../service/serve.ts'
import { waitForAppend } from './append-wait.ts'
import type { ApplicationServer } from './application-server.ts'
import { failureOf } from './failed.ts'
import { requireAppendWait } from './option-rules.ts'
import type { WorkerPool, WorkerStatus } from './workers/worker-pool.ts'
import { positionOf } from './view-tasks.ts'

export interface AppendOptions {
  /** Event time, ms since the epoch. Default: now. */
  readonly timestamp?: number
  readonly headers?: readonly RecordHeader[]
  /**
   * How long to wait until the record is durable. After it append throws TIMEOUT, and the record may be written yet.
   * Default: until the producer gives it up, which is 120 000 after it was appended, also when no broker is there.
   */
  readonly timeoutMs?: number
  /** Ends the wait with the signal's reason; the record may be written yet. Aborted before, nothing is sent. */
  readonly signal?: AbortSignal
}

/** Where an appended record is. */
export interface Appended {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** For `minPosition`: a view that has reached it has applied the record. */
  readonly position: Position
}

export interface CloseOptions {
  /**
   * How long the last commit may take. After it the open transaction is left to the cluster, which aborts it; the next
   * start processes its records again. Default 10 000.
   */
  readonly timeoutMs?: number
}

export interface RunningParts {
  readonly application: Instance
  /** The same, when it runs in worker threads. */
  readonly pool: WorkerPool | undefined
  readonly cluster: Cluster
  readonly producer: Producer
  readonly server: ApplicationServer | undefined
  readonly tracer: RecordTracer | undefined
}

/** An application that was started. */
export class Running implements AsyncDisposable {
  readonly id: string
  readonly #application: Instance
  readonly #pool: WorkerPool | undefined
  readonly #cluster: Cluster
  readonly #producer: Producer
  readonly #server: RunningServer | undefined
  readonly #tracer: RecordTracer | undefined
  readonly #end: (options?: CloseOptions) => Promise<void>

  constructor(
    { application, pool, cluster, producer, server, tracer }: RunningParts,
    end: (options?: CloseOptions) => Promise<void>,
  ) {
    this.id = application.applicationId
    this.#application = application
    this.#pool = pool
    this.#cluster = cluster
    this.#producer = producer
    this.#server = server
    this.#tracer = tracer
    this.#end = end
  }

  /** Where it is served: `url` (`http://127.0.0.1:3000`) and `port`. Throws INVALID_ARGUMENT when it is not. */
  get http(): Pick<RunningServer, 'url' | 'port'> {
    if (this.#server !== undefined) return this.#server
    throw new EvertError(
      'INVALID_ARGUMENT',
      `The application "${this.id}" is not served over HTTP. Start it with { http: { port } }.`,
    )
  }

  get state(): ApplicationState {
    return this.#application.state
  }

  /** Why the state is ERROR. */
  get failure(): Error | undefined {
    return this.#application.failure
  }

  /** Resolves when all tasks that this instance was assigned are restored and run. Rejects when it ends before. */
  whenRunning(): Promise<void> {
    return this.#application.whenRunning()
  }

  /** Resolves when it has ended, by close() or by a failure: see `failure`. */
  whenEnded(): Promise<void> {
    return this.#application.whenEnded()
  }

  /**
   * Stops processing records and calling punctuations on this instance until `resume`, after what is under way (Kafka
   * Streams: KIP-834). It stays a member and keeps its tasks; restores, global tables, views and `append` go on.
   */
  pause(): void {
    this.#application.pause()
  }

  /** Goes on where `pause` stopped. */
  resume(): void {
    this.#application.resume()
  }

  get isPaused(): boolean {
    return this.#application.isPaused
  }

  /** The worker threads, in the order in which they were started; none when the tasks run on this thread. */
  get workers(): WorkerStatus[] {
    return this.#pool?.workers ?? []
  }

  /**
   * Starts one more worker thread (Kafka Streams: addStreamThread); resolves to its name once it is a member of the
   * group, which gives it tasks of the others. Throws INVALID_ARGUMENT when it was started without `workers`.
   */
  addWorker(): Promise<string> {
    return this.#withWorkers().addWorker()
  }

  /**
   * Ends the worker that was started last, or the named one, after its last commit (Kafka Streams: removeStreamThread);
   * resolves to its name when it is gone. Throws INVALID_ARGUMENT for one that there is not, and for the only one.
   */
  removeWorker(name?: string): Promise<string> {
    return this.#withWorkers().removeWorker(name)
  }

  /** What this instance has processed and committed: the next offsets of all inputs of its tasks. */
  position(): Position {
    return mergePositions(...this.#application.tasks().map(positionOf))
  }

  /**
   * How many records its tasks here dropped since it started, by operator and reason. Dropped is what is not taken and
   * no failure: a record without a key in an aggregate, one that came too late for its window, one that failed under
   * `onError: 'skip'`. A snapshot for metrics: counts only grow.
   *
   * @example
   * for (const { operator, reason, count } of running.dropped()) console.log(operator, reason, count)
   */
  dropped(): DroppedRecords[] {
    return this.#application.counts.dropped()
  }

  /** How many records came behind the stream time of their task: they were processed, not dropped. */
  outOfOrder(): OutOfOrderRecords[] {
    return this.#application.counts.outOfOrder()
  }

  /**
   * What this instance measures, as data: its tasks, stores and commits, the client of its cluster, and the embedded log
   * if it is in this process. `GET /metrics` and `evert/opentelemetry` show the same. See docs/operations.md.
   *
   * @example
   * const lag = running.metrics().find(({ name }) => name === 'records-lag')
   */
  metrics(): MetricFamily[] {
    return this.#application.metrics()
  }

  /** Calls back after each commit and each change of tasks or state; the returned function ends that. */
  onChange(listener: () => void): () => void {
    return this.#application.onChange(listener)
  }

  /**
   * Appends one record; resolves when it is durable. A null value is a tombstone. Throws INVALID_VALUE for what the
   * topic's codecs refuse, KAFKA for what the cluster refuses, TIMEOUT, CLOSED after close(), NOT_READY after a failure.
   *
   * @example
   * const { position } = await running.append(orders, order.id, order)
   * await openOrders.get(order.id, { minPosition: position })
   */
  async append<K, V>(
    topic: Topic<K, V>,
    key: K | null,
    value: V | null,
    { timestamp = this.#cluster.clock.nowMs(), headers = [], timeoutMs, signal }: AppendOptions = {},
  ): Promise<Appended> {
    if (timeoutMs !== undefined || signal !== undefined) requireAppendWait({ timeoutMs, signal })
    signal?.throwIfAborted()
    const delivery = this.#send({
      topic: topic.name,
      timestamp,
      key: key === null ? null : topic.key.encode(key),
      value: value === null ? null : topic.value.encode(value),
      headers: this.#tracer?.inject(headers) ?? headers,
    })
    const place = { topic: topic.name, clock: this.#cluster.clock }
    const { partition, offset } = await waitForAppend(delivery, { timeoutMs, signal }, place)
    return { topic: topic.name, partition, offset, position: positionAfter(topic.name, partition, offset) }
  }

  #withWorkers(): WorkerPool {
    if (this.#pool !== undefined) return this.#pool
    throw new EvertError(
      'INVALID_ARGUMENT',
      `The application "${this.id}" runs on the thread that started it. Start it with { workers: { count, module } }.`,
    )
  }

  async #send(record: ProducerRecord): Promise<Acknowledgement> {
    try {
      return await this.#producer.send(record)
    } catch (error) {
      const failure = failureOf(this.#application)
      // The producer is closed with the application that failed.
      throw failure !== undefined && isEvertError(error, 'CLOSED') ? failure : error
    }
  }

  /**
   * Commits, closes tasks and state, leaves the group. Views answer no more. Ends also when the cluster is away. Throws
   * INVALID_ARGUMENT for an option that it cannot have.
   */
  async close(options?: CloseOptions): Promise<void> {
    await this.#end(options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
