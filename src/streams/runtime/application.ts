import { StreamsMember } from '../../client/group/streams-member.ts'
import type {
  EndpointPartitions,
  GroupStatus,
  StreamsAssignment,
} from '../../client/group/streams-protocol.ts'
import { EvertError } from '../../errors.ts'
import { assert } from '../../internal/assert.ts'
import { type MetricFamily, MetricSheet } from '../../internal/metric.ts'
import { streamsMetrics } from '../metrics/definitions.ts'
import type { ApplicationOptions } from './application-options.ts'
import { ApplicationLife, type ApplicationState } from './application-life.ts'
import { ownedBy, taskIds } from './assigned-tasks.ts'
import { type Committer, openCommitter, TRANSACTION_TIMEOUT_MS } from './committer.ts'
import { createExternalTopics } from './external-topics.ts'
import { groupTopology } from './group-topology.ts'
import { GlobalTables } from './global-tables.ts'
import { DeadWriters } from './dead-writers.ts'
import { applyGroupSettings } from './group-settings.ts'
import { explainRefusal } from './group-refusal.ts'
import type { HostedTask } from './hosted-task.ts'
import { logError, type Logger, silentLogger, withFields } from './logger.ts'
import { deadLetterTopics, type ErrorRules, rulesOf } from './error-rules.ts'
import { MissingTopics } from './missing-topics.ts'
import { RepartitionPurge } from './purge.ts'
import { RecordCounts } from './record-counts.ts'
import { RestoreWatch } from './restore-watch.ts'
import { dropStateBefore } from './rewound-state.ts'
import { createSkippedTopic, mayPassOver } from './skipped-records.ts'
import type { StandbyProgress } from './standby-tasks.ts'
import { StateCleaner } from './state-cleaner.ts'
import { checkTopology } from './topology-check.ts'
import { TopicLimits } from './topic-limits.ts'
import { Worker } from './worker.ts'

/**
 * Makes missing topics, joins the group of the topology's application id and starts to run what it is assigned.
 * Resolves once the group has accepted the member; `whenRunning` tells when the tasks run. Throws what the cluster
 * refuses.
 */
export async function startApplication(options: ApplicationOptions): Promise<Application> {
  const application = new Application(options)
  await application.start()
  return application
}

/** One instance of an application: a member of its group with one worker. */
export class Application implements AsyncDisposable {
  readonly applicationId: string
  /** Of records that its tasks dropped, or took out of order. */
  readonly counts: RecordCounts
  readonly #options: ApplicationOptions
  readonly #life: ApplicationLife
  readonly #logger: Logger
  readonly #member: StreamsMember
  readonly #committer: Committer
  readonly #worker: Worker
  readonly #globalTables: GlobalTables
  readonly #purge: RepartitionPurge
  readonly #restores: RestoreWatch
  readonly #cleaner: StateCleaner
  readonly #missingTopics: MissingTopics
  readonly #limits: TopicLimits
  #hasTarget = false
  #assigned: StreamsAssignment | undefined
  #isAbandoned = false
  #isReleased = false
  #isGivenUp = false
  #endpoints: readonly EndpointPartitions[] = []
  #ended: Promise<void> | undefined

  constructor(options: ApplicationOptions) {
    const { topology, cluster, engine, worker, topicTimeoutMs = 10_000 } = options
    const logger = withFields(options.logger ?? silentLogger, { application: topology.applicationId })
    this.applicationId = topology.applicationId
    this.#options = options
    this.counts = new RecordCounts(options.metricsRecordingLevel)
    this.#life = new ApplicationLife(this.applicationId, (state, before) => {
      this.#logState(state, before)
      options.onStateChange?.(state, before)
    })
    this.#logger = logger
    this.#member = new StreamsMember(cluster, this.#owner(), {
      groupId: topology.applicationId,
      topology: groupTopology(topology),
      processId: engine.instanceId,
      ...(options.userEndpoint === undefined ? {} : { userEndpoint: options.userEndpoint }),
    })
    const { memberId, groupId } = this.#member
    const transactionalIdPrefix = `${topology.applicationId}-`
    this.#committer = openCommitter(options.guarantee ?? 'exactly_once', {
      cluster,
      transactionalId:
        `${transactionalIdPrefix}${engine.instanceId}` + (worker === undefined ? '' : `-${worker}`),
      group: () => ({ groupId, memberId, epoch: this.#member.memberEpoch }),
      topicTimeoutMs,
      logger,
    })
    this.#purge = new RepartitionPurge(cluster, logger, options.purgeIntervalMs ?? 30_000)
    this.#cleaner = new StateCleaner({
      engine,
      clock: cluster.clock,
      logger,
      delayMs: options.stateCleanupDelayMs ?? 600_000,
      isSettled: () => this.#life.state === 'RUNNING',
    })
    this.#missingTopics = new MissingTopics({
      clock: cluster.clock,
      timeoutMs: topicTimeoutMs,
      onGone: error => this.#fail(error),
    })
    this.#limits = new TopicLimits({
      cluster,
      logger,
      onLimit: (topic, bytes) => this.#committer.limitBatches(topic, bytes),
    })
    this.#restores = new RestoreWatch({
      logger,
      onRestore: options.onRestore ?? (() => {}),
      elapsedMs: () => cluster.clock.elapsedMs(),
    })
    const shared = {
      applicationId: topology.applicationId,
      cluster,
      engine,
      logger,
      onError: options.onError ?? 'fail',
      counts: this.counts,
      observersOf: options.observersOf ?? (() => []),
      onRestore: this.#restores.onProgress,
      topicTimeoutMs,
    }
    this.#globalTables = new GlobalTables({
      ...shared,
      tables: topology.globalTables,
      limitOf: topic => this.#limits.of(topic),
      onFailure: error => this.#fail(error),
      onCommit: () => this.#life.notify(),
    })
    this.#worker = new Worker({
      ...shared,
      topology,
      recordsPosition: worker !== undefined,
      groupId,
      committer: this.#committer,
      restores: this.#restores,
      deadWriters: new DeadWriters({
        cluster,
        groupId,
        transactionalIdPrefix,
        transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
        logger,
      }),
      tracer: options.telemetry?.tracer,
      commitIntervalMs: options.commitIntervalMs ?? 100,
      maxTaskIdleMs: options.maxTaskIdleMs ?? 0,
      stateStoreCacheMaxBytes: options.stateStoreCacheMaxBytes ?? 64 * 1024 * 1024,
      globalTables: this.#globalTables,
      limits: this.#limits,
      events: {
        onTasks: () => this.#tasksChanged(),
        onOwnership: () => this.#member.acknowledge(),
        onCommit: () => {
          this.#purge.committed(this.tasks())
          this.#life.notify()
        },
      },
    })
  }

  get state(): ApplicationState {
    return this.#life.state
  }

  /** Why the state is ERROR. */
  get failure(): Error | undefined {
    return this.#life.failure
  }

  /** The tasks here whose state is restored. */
  tasks(): HostedTask[] {
    return [...this.#worker.tasks.values()].filter(task => task.isRunning)
  }

  /** Which tasks of other instances this one keeps a copy of, and how far behind it is. */
  standbys(): StandbyProgress[] {
    return this.#worker.standbys.progress()
  }

  /** The tables that are here completely. */
  get globalTables(): GlobalTables {
    return this.#globalTables
  }

  /** Which instance answers for which partitions, as the group knows it. */
  get endpoints(): readonly EndpointPartitions[] {
    return this.#endpoints
  }

  /** Stops processing and punctuations until `resume`; the member keeps its tasks (KIP-834). */
  pause(): void {
    this.#worker.isPaused = true
  }

  resume(): void {
    this.#worker.isPaused = false
  }

  get isPaused(): boolean {
    return this.#worker.isPaused
  }

  /** Part of the state of its tasks that is restored, from 0 to 1; 0 before it has been assigned any. */
  get restoredRatio(): number {
    return this.#hasTarget ? this.#restores.ratio(this.#worker.tasks.values()) : 0
  }

  /** How many offsets the input partition that is furthest behind is behind. */
  get maxLag(): number {
    return this.#worker.maxLag()
  }

  /** What this instance, its cluster's client and, where it is in this process, the broker have counted. */
  metrics(): MetricFamily[] {
    const { cluster } = this.#options
    const { state } = this.#life
    const sheet = new MetricSheet()
    sheet.set(streamsMetrics.state, 1, { state })
    sheet.set(streamsMetrics.aliveWorkers, state === 'RUNNING' || state === 'REBALANCING' ? 1 : 0)
    sheet.set(streamsMetrics.failedWorkers, state === 'ERROR' ? 1 : 0)
    this.#worker.report(sheet)
    this.counts.report(sheet, cluster.clock.elapsedMs())
    this.#globalTables.report(sheet)
    this.#restores.report(sheet)
    sheet.set(streamsMetrics.restoreRatio, this.restoredRatio)
    cluster.report(sheet)
    return sheet.families()
  }

  /** Calls back after each commit, change of the tasks or of the state; the returned function ends that. */
  onChange(listener: () => void): () => void {
    return this.#life.onChange(listener)
  }

  async start(): Promise<void> {
    assert(this.#life.state === 'CREATED', 'an application is started once')
    this.#life.move('REBALANCING')
    const joined = this.#join()
    this.#ended = this.#run(joined)
    try {
      await joined
    } catch (error) {
      await this.#ended
      // What ended the application says more than that its member was closed for it.
      throw this.#life.failure ?? error
    }
  }

  /** The group gives tasks to a member as soon as it knows it: all that they need is there before. */
  async #join(): Promise<void> {
    const { cluster, topology, onTopologyChange = 'refuse' } = this.#options
    const check = { cluster, topology, onChange: onTopologyChange, logger: this.#logger }
    await dropStateBefore(await checkTopology(check), this.#options.engine, this.#logger)
    const letters = deadLetterTopics(rulesOfAll(this.#options))
    await createExternalTopics(cluster, topology, { letters, logger: this.#logger })
    await this.#limits.learn(letters)
    const { onError } = this.#options
    if (topology.subTopologies.some(part => mayPassOver(part, onError))) {
      await createSkippedTopic(cluster, this.applicationId)
    }
    await this.#globalTables.fill()
    this.#cleaner.start()
    if (topology.subTopologies.length > 0) {
      await applyGroupSettings(cluster, this.applicationId, this.#options)
      return this.#member.start().catch((error: unknown) => {
        throw explainRefusal(this.applicationId, error)
      })
    }
    // Global tables alone are no tasks: there is nothing that a group could assign.
    this.#hasTarget = true
    this.#tasksChanged()
  }

  /** Resolves when every assigned task runs. Rejects when the application ends before. */
  whenRunning(): Promise<void> {
    return this.#life.until(() => this.#life.state === 'RUNNING')
  }

  /** Resolves when the group has assigned tasks to this member (perhaps none), which is after internal topics exist. */
  whenAssigned(): Promise<void> {
    return this.#life.until(() => this.#hasTarget)
  }

  /** Resolves when the application has ended, by close() or by a failure: see `failure`. */
  async whenEnded(): Promise<void> {
    await this.#ended
  }

  /** Commits, closes all tasks and leaves the group. */
  async close(): Promise<void> {
    if (this.#life.state === 'CREATED') {
      this.#life.move('NOT_RUNNING')
      this.#ended = this.#release()
    }
    if (this.#life.state === 'REBALANCING' || this.#life.state === 'RUNNING')
      this.#life.move('PENDING_SHUTDOWN')
    this.#worker.stop()
    this.#globalTables.stop()
    await this.#ended
  }

  /**
   * Ends a close() for which the cluster is too long out of reach: what is not committed is left to the cluster, which
   * aborts it, and to the next start, which processes it again.
   */
  async giveUp(): Promise<void> {
    if (this.#isReleased || this.#isGivenUp) return
    this.#isGivenUp = true
    this.#logger.warn(
      `The application "${this.applicationId}" is closed without its last commit: the cluster did not answer in ` +
        'time. It aborts what is open, and the next start processes that again.',
    )
    this.#worker.abandon()
    await Promise.all([this.#committer.abandon(), this.#member.abandon()])
  }

  /** Ends as a crash would: nothing more is committed, and the open transaction is left as it is. For tests. */
  async abandon(): Promise<void> {
    this.#isAbandoned = true
    this.#worker.abandon()
    await this.#ended
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #run(joined: Promise<void>): Promise<void> {
    const tried = joined.catch((error: unknown) => this.#fail(error))
    try {
      await this.#worker.run()
    } catch (error) {
      if (!this.#isGivenUp) this.#fail(error)
    }
    await this.#release()
    await tried
    if (this.#life.state !== 'ERROR') this.#life.move('NOT_RUNNING')
  }

  /** Leaves the group and closes the producer and the global tables; a failure here changes nothing that is committed. */
  async #release(): Promise<void> {
    this.#missingTopics.stop()
    this.#cleaner.stop()
    this.#limits.stop()
    const closings = [this.#member.close(), this.#globalTables.close()]
    if (!this.#isAbandoned) closings.push(this.#committer.close())
    for (const outcome of await Promise.allSettled(closings)) {
      if (outcome.status === 'rejected') {
        this.#logger.warn(`The application did not end cleanly: ${(outcome.reason as Error).message}`)
      }
    }
    this.#isReleased = true
  }

  #logState(state: ApplicationState, before: ApplicationState): void {
    if (state === 'ERROR') {
      logError(this.#logger, `The application "${this.applicationId}" stops: ${this.#life.failure?.message}`)
    } else {
      withFields(this.#logger, { state, before }).info(
        `The application "${this.applicationId}" is ${state}; it was ${before}.`,
      )
    }
  }

  #fail(error: unknown): void {
    if (this.#life.fail(error)) this.#worker.abandon()
  }

  #owner() {
    return {
      onAssignment: (assignment: StreamsAssignment) => {
        this.#hasTarget = true
        this.#assigned = assignment
        this.#worker.assign(taskIds(assignment))
        this.#tasksChanged()
      },
      owned: () => {
        const { tasks, standbys } = this.#worker
        return ownedBy({ active: tasks.values(), standby: standbys.tasks }, this.#assigned)
      },
      onLost: (cause: Error) => {
        this.#logger.warn(`The group no longer knows this member; it joins again: ${cause.message}`)
        this.#hasTarget = false
        this.#assigned = undefined
        this.#worker.lose()
        this.#tasksChanged()
      },
      onStatus: (statuses: readonly GroupStatus[]) => this.#onStatus(statuses),
      onEndpoints: (endpoints: readonly EndpointPartitions[]) => {
        this.#endpoints = endpoints
        this.#life.notify()
      },
      onFatal: (error: Error) => this.#fail(explainRefusal(this.applicationId, error)),
    }
  }

  #onStatus(statuses: readonly GroupStatus[]): void {
    this.#missingTopics.onStatus(statuses)
    for (const { name, detail } of statuses) {
      if (name === 'SHUTDOWN_APPLICATION') {
        this.#shutDown(detail)
        continue
      }
      this.#logger.warn(`Group "${this.applicationId}": ${name}: ${detail}`)
      if (name === 'INCORRECTLY_PARTITIONED_TOPICS') this.#fail(new EvertError('INVALID_TOPOLOGY', detail))
    }
  }

  #shutDown(detail: string): void {
    const { state } = this.#life
    if (state === 'REBALANCING' || state === 'RUNNING') {
      this.#logger.warn(
        `The application "${this.applicationId}" closes, because its group was told to, as a rewind with force does ` +
          `(SHUTDOWN_APPLICATION: ${detail})`,
      )
    }
    void this.close()
  }

  #tasksChanged(): void {
    const { state } = this.#life
    const isSettled = this.#hasTarget && this.#worker.isSettled
    if (state === 'REBALANCING' && isSettled) this.#life.move('RUNNING')
    else if (state === 'RUNNING' && !isSettled) this.#life.move('REBALANCING')
    else this.#life.notify()
  }
}

function rulesOfAll({ onError, topology }: ApplicationOptions): ErrorRules[] {
  const general = rulesOf(onError)
  const nodes = topology.subTopologies.flatMap(part => part.nodes)
  return [general, ...nodes.map(node => (node.kind === 'source' ? rulesOf(node.onError, general) : general))]
}
