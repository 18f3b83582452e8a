import type { Cluster } from '../../client/cluster.ts'
import { EvertError } from '../../errors.ts'
import { assert } from '../../internal/assert.ts'
import { type MetricFamily, MetricSheet } from '../../internal/metric.ts'
import { deferred } from '../../internal/deferred.ts'
import { describeAsText } from '../../streams/graph/describe.ts'
import type { Topology } from '../../streams/graph/topology.ts'
import { ApplicationLife, type ApplicationState } from '../../streams/runtime/application-life.ts'
import { streamsMetrics } from '../../streams/metrics/definitions.ts'
import { createExternalTopics } from '../../streams/runtime/external-topics.ts'
import { GlobalTables } from '../../streams/runtime/global-tables.ts'
import { UNLIMITED } from '../../records/record-limit.ts'
import type { Logger } from '../../streams/runtime/logger.ts'
import { RecordCounts } from '../../streams/runtime/record-counts.ts'
import type { RestoreProgress } from '../../streams/runtime/restore.ts'
import { dropStateBefore } from '../../streams/runtime/rewound-state.ts'
import { checkTopology } from '../../streams/runtime/topology-check.ts'
import type { LmdbEngine } from '../../streams/state/lmdb.ts'
import { TaskClaims } from '../../streams/state/task-claims.ts'
import type { Instance } from '../instance.ts'
import { indexedBy } from '../view-indexes.ts'
import type { ToWorker, WorkerApplicationOptions, WorkerCounts, WorkerTask } from './messages.ts'
import { SnapshotTask } from './snapshot-task.ts'
import { urlForThreads } from './thread-cluster.ts'
import { sumCounts } from './worker-counts.ts'
import { withWorkers } from './worker-metrics.ts'
import { WorkerHandle } from './worker-handle.ts'

export interface WorkerPoolOptions {
  readonly topology: Topology
  readonly cluster: Cluster
  /** Holds the state directory; its tasks are opened by the workers. */
  readonly engine: LmdbEngine
  readonly workers: number
  /** URL of the module that declares the application. */
  readonly module: string
  readonly options: WorkerApplicationOptions
  readonly onStateChange?: (state: ApplicationState, before: ApplicationState) => void
  readonly onRestore?: (taskId: string, progress: RestoreProgress) => void
  readonly logger: Logger
}

/** A worker thread of an instance. */
export interface WorkerStatus {
  /** `<application id>-<number>`, the name of its thread. */
  readonly name: string
  readonly state: ApplicationState
  /** Ids of the tasks that it runs, their state restored. */
  readonly tasks: readonly string[]
}

/** How long threads that were told to give up may take before they are ended wherever they are. */
const KILL_AFTER_MS = 1_000

/**
 * An instance whose tasks run in worker threads. Each is a member of the group with a producer of its own; this thread
 * starts and ends them, knows how far they are, and reads what they commit.
 */
export class WorkerPool implements Instance {
  readonly applicationId: string
  readonly globalTables: GlobalTables
  readonly counts = { dropped: () => this.#counts().dropped, outOfOrder: () => this.#counts().outOfOrder }
  readonly #options: WorkerPoolOptions
  readonly #life: ApplicationLife
  readonly #claims: TaskClaims
  readonly #workers = new Map<number, WorkerHandle>()
  readonly #tasks = new Map<string, SnapshotTask>()
  readonly #ended = deferred<void>()
  readonly #closings = new Set<Promise<void>>()
  #formerCounts: WorkerCounts = { dropped: [], outOfOrder: [] }
  #clusterUrl = ''
  #isPaused = false
  #isGivenUp = false
  #failedWorkers = 0

  constructor(options: WorkerPoolOptions) {
    const { topology, cluster, engine, logger } = options
    this.applicationId = topology.applicationId
    this.#options = options
    this.#life = new ApplicationLife(this.applicationId, options.onStateChange)
    this.#claims = new TaskClaims(Math.max(0, ...topology.subTopologies.map(({ id }) => id)) + 1)
    const viewed = new Set(topology.views.map(({ store }) => store))
    this.globalTables = new GlobalTables({
      applicationId: this.applicationId,
      tables: topology.globalTables.filter(({ store }) => viewed.has(store.name)),
      cluster,
      engine,
      logger,
      // The workers' copies fail, count and write dead letters; this one is read.
      onError: 'skip',
      limitOf: () => UNLIMITED,
      counts: new RecordCounts(),
      observersOf: indexedBy(topology),
      onRestore: () => {},
      topicTimeoutMs: TOPIC_TIMEOUT_MS,
      onFailure: error => this.#fail(error),
      onCommit: () => this.#life.notify(),
    })
  }

  get state(): ApplicationState {
    return this.#life.state
  }

  get failure(): Error | undefined {
    return this.#life.failure
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  get workers(): WorkerStatus[] {
    return Array.from(this.#workers.values(), ({ name, state, tasks }) => ({
      name,
      state,
      tasks: tasks.map(({ id }) => id),
    }))
  }

  tasks(): SnapshotTask[] {
    return [...this.#tasks.values()]
  }

  /** Of the worker that is furthest behind. */
  get maxLag(): number {
    return Math.max(0, ...Array.from(this.#workers.values(), ({ maxLag }) => maxLag))
  }

  get restoredRatio(): number {
    const ratios = Array.from(this.#workers.values(), ({ restoredRatio }) => restoredRatio)
    return ratios.length === 0 ? 0 : ratios.reduce((sum, ratio) => sum + ratio) / ratios.length
  }

  /** The workers' are up to a second old. */
  metrics(): MetricFamily[] {
    const sheet = new MetricSheet()
    const workers = [...this.#workers.values()]
    const { state } = this.#life
    sheet.set(streamsMetrics.state, 1, { state })
    sheet.set(streamsMetrics.aliveWorkers, workers.length)
    sheet.set(streamsMetrics.failedWorkers, this.#failedWorkers)
    sheet.set(streamsMetrics.restoreRatio, this.restoredRatio)
    this.globalTables.report(sheet)
    this.#options.cluster.report(sheet)
    return withWorkers(sheet.families(), workers)
  }

  onChange(listener: () => void): () => void {
    return this.#life.onChange(listener)
  }

  async start(): Promise<void> {
    assert(this.#life.state === 'CREATED', 'an application is started once')
    this.#life.move('REBALANCING')
    const { cluster, topology, logger, workers } = this.#options
    try {
      this.#clusterUrl = await urlForThreads(cluster)
      const { onTopologyChange = 'refuse' } = this.#options.options
      const check = { cluster, topology, onChange: onTopologyChange, logger }
      await dropStateBefore(await checkTopology(check), this.#options.engine, logger)
      // The workers make those of dead letters.
      await createExternalTopics(cluster, topology, { letters: [], logger })
      const joined = Array.from({ length: workers }, () => this.#begin().joined)
      await Promise.all([this.globalTables.fill(), ...joined])
    } catch (error) {
      this.#fail(error)
      await this.#ended.promise
      throw this.#life.failure ?? error
    }
  }

  whenAssigned(): Promise<void> {
    return this.#life.until(() => [...this.#workers.values()].some(({ isAssigned }) => isAssigned))
  }

  whenRunning(): Promise<void> {
    return this.#life.until(() => this.#life.state === 'RUNNING')
  }

  whenEnded(): Promise<void> {
    return this.#ended.promise
  }

  pause(): void {
    this.#setPaused(true)
  }

  resume(): void {
    this.#setPaused(false)
  }

  /** Starts one more. Resolves to its name once it is a member of the group. */
  async addWorker(): Promise<string> {
    this.#requireGoingOn()
    const worker = this.#begin()
    await worker.joined
    return worker.name
  }

  /** Ends the one that was started last, or the one that is named, after its last commit. Resolves to its name. */
  async removeWorker(name?: string): Promise<string> {
    this.#requireGoingOn()
    const open = [...this.#workers.values()].filter(({ isClosing }) => !isClosing)
    const worker = name === undefined ? open.at(-1) : open.find(each => each.name === name)
    if (worker === undefined) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        `There is no worker "${name}". Workers: ${open.map(each => each.name).join(', ')}.`,
      )
    }
    if (open.length === 1) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        `"${worker.name}" is the last worker of this instance: pause() stops it, close() ends the instance.`,
      )
    }
    worker.isClosing = true
    worker.send({ type: 'close' })
    await worker.ended
    return worker.name
  }

  async close(): Promise<void> {
    const { state } = this.#life
    if (state === 'CREATED') {
      this.#life.move('NOT_RUNNING')
      this.#ended.resolve()
    }
    if (state === 'REBALANCING' || state === 'RUNNING') {
      this.#life.move('PENDING_SHUTDOWN')
      this.#closeWorkers()
    }
    await this.#ended.promise
  }

  async giveUp(): Promise<void> {
    if (this.#isGivenUp || this.#workers.size === 0) return
    this.#isGivenUp = true
    this.#send({ type: 'giveUp' })
    const { cluster } = this.#options
    cluster.clock.schedule(KILL_AFTER_MS, () => {
      for (const worker of this.#workers.values()) void worker.kill()
    })
    await this.#ended.promise
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #begin(): WorkerHandle {
    const { topology, engine, module, options, onRestore, logger } = this.#options
    let number = 1
    while (this.#workers.has(number)) number++
    const start = {
      worker: number,
      applicationId: this.applicationId,
      module,
      description: describeAsText(topology),
      clusterUrl: this.#clusterUrl,
      stateDirectory: engine.directory,
      instanceId: engine.instanceId,
      claims: this.#claims.memory,
      subTopologies: this.#claims.subTopologies,
      isPaused: this.#isPaused,
      options,
    }
    const worker = new WorkerHandle(start, {
      onChange: () => this.#onChange(worker),
      onRestore: ({ taskId, progress }) => onRestore?.(taskId, progress),
      onLog: ({ level, message }) => logger[level](`${worker.name}: ${message}`),
    })
    this.#workers.set(number, worker)
    this.#settle()
    void worker.ended.then(failure => this.#onEnded(worker, failure))
    return worker
  }

  #onChange(worker: WorkerHandle): void {
    const present = new Set<string>()
    for (const each of worker.tasks) {
      present.add(each.id)
      const known = this.#tasks.get(each.id)
      if (known?.worker === worker.number) known.update(each)
      else this.#take(each, worker)
    }
    for (const task of this.#tasks.values()) {
      if (task.worker === worker.number && !present.has(task.id)) this.#forget(task)
    }
    this.#settle()
  }

  #take(task: WorkerTask, { number }: WorkerHandle): void {
    const { topology, engine } = this.#options
    const before = this.#tasks.get(task.id)
    if (before !== undefined) this.#forget(before)
    const subTopology = topology.subTopologies.find(({ id }) => task.id.startsWith(`${id}_`))
    assert(subTopology !== undefined, `a worker runs task ${task.id}, which the topology does not have`)
    const options = { subTopology, worker: number, directory: engine.directory }
    this.#tasks.set(task.id, new SnapshotTask(task, options))
  }

  #forget(task: SnapshotTask): void {
    this.#tasks.delete(task.id)
    const closing = task.close().finally(() => this.#closings.delete(closing))
    this.#closings.add(closing)
  }

  #settle(): void {
    const { state } = this.#life
    const isRunning = [...this.#workers.values()].every(worker => worker.state === 'RUNNING')
    if (state === 'REBALANCING' && isRunning) this.#life.move('RUNNING')
    else if (state === 'RUNNING' && !isRunning) this.#life.move('REBALANCING')
    else this.#life.notify()
  }

  #onEnded(worker: WorkerHandle, failure: Error | undefined): void {
    this.#workers.delete(worker.number)
    this.#claims.releaseAll(worker.number)
    this.#formerCounts = sumCounts([this.#formerCounts, worker.counts])
    for (const task of this.#tasks.values()) if (task.worker === worker.number) this.#forget(task)
    if (failure !== undefined) {
      this.#failedWorkers++
      this.#fail(failure)
    }
    // The group told it to end, as it will tell all others.
    else if (!worker.isClosing && this.#workers.size === 0) void this.close()
    if (this.#isEnding) this.#endWhenEmpty()
    else this.#settle()
  }

  #fail(error: unknown): void {
    if (this.#life.fail(error)) this.#closeWorkers()
  }

  /** The others commit what they have done. */
  #closeWorkers(): void {
    for (const worker of this.#workers.values()) worker.isClosing = true
    this.#send({ type: 'close' })
    this.globalTables.stop()
    this.#endWhenEmpty()
  }

  get #isEnding(): boolean {
    return this.#life.state === 'PENDING_SHUTDOWN' || this.#life.state === 'ERROR'
  }

  #endWhenEmpty(): void {
    if (this.#workers.size > 0) return
    void this.#end()
  }

  async #end(): Promise<void> {
    const closings = [...this.#closings, this.globalTables.close()]
    for (const outcome of await Promise.allSettled(closings)) {
      if (outcome.status === 'fulfilled') continue
      this.#options.logger.warn(`The application did not end cleanly: ${(outcome.reason as Error).message}`)
    }
    if (this.#life.state === 'PENDING_SHUTDOWN') this.#life.move('NOT_RUNNING')
    this.#ended.resolve()
  }

  #setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused
    this.#send({ type: 'pause', isPaused })
  }

  #send(message: ToWorker): void {
    for (const worker of this.#workers.values()) worker.send(message)
  }

  #requireGoingOn(): void {
    const { state } = this.#life
    if (state === 'RUNNING' || state === 'REBALANCING') return
    throw new EvertError('CLOSED', `The application "${this.applicationId}" is ${state}: it has no workers.`)
  }

  #counts() {
    return sumCounts([this.#formerCounts, ...Array.from(this.#workers.values(), ({ counts }) => counts)])
  }
}

/** As the workers' own. */
const TOPIC_TIMEOUT_MS = 10_000
