import type { Cluster } from '../../client/cluster.ts'
import { StreamsMember } from '../../client/group/streams-member.ts'
import type {
  EndpointPartitions,
  GroupStatus,
  StreamsAssignment,
} from '../../client/group/streams-protocol.ts'
import { EvertError, isEvertError } from '../../errors.ts'
import { assert } from '../../internal/assert.ts'
import type { Topology } from '../graph/topology.ts'
import type { StateEngine } from '../state/byte-store.ts'
import type { StoreObserver } from '../state/store-observer.ts'
import { type Committer, type Guarantee, openCommitter } from './committer.ts'
import { createExternalTopics } from './external-topics.ts'
import { groupTopology } from './group-topology.ts'
import { GlobalTables } from './global-tables.ts'
import type { HostedTask } from './hosted-task.ts'
import { type Logger, silentLogger } from './logger.ts'
import { MissingTopics } from './missing-topics.ts'
import { RepartitionPurge } from './purge.ts'
import type { RestoreProgress } from './restore.ts'
import type { ErrorPolicy } from './task-options.ts'
import { Worker } from './worker.ts'

/** As in Kafka Streams. ERROR and NOT_RUNNING are final. */
export type ApplicationState =
  | 'CREATED'
  | 'REBALANCING'
  | 'RUNNING'
  | 'PENDING_SHUTDOWN'
  | 'NOT_RUNNING'
  | 'ERROR'

export interface ApplicationOptions {
  readonly topology: Topology
  /** Stays open when the application is closed; so does the engine. */
  readonly cluster: Cluster
  readonly engine: StateEngine
  /** Default 100. */
  readonly commitIntervalMs?: number
  /** Default `exactly_once`. */
  readonly guarantee?: Guarantee
  /** What becomes of a record that fails. Default `fail`. */
  readonly onError?: ErrorPolicy
  /** Where other instances reach this one's views. */
  readonly userEndpoint?: { readonly host: string; readonly port: number }
  /** Makes the observers of a store; called once per task. */
  readonly observersOf?: (store: string) => readonly StoreObserver<unknown>[]
  readonly onStateChange?: (state: ApplicationState, before: ApplicationState) => void
  readonly onRestore?: (taskId: string, progress: RestoreProgress) => void
  readonly logger?: Logger
  /** How often processed records of repartition topics are deleted. Default 30 000. */
  readonly purgeIntervalMs?: number
  /** How long an input may be missing (deleted, perhaps made again) before the application fails. Default 10 000. */
  readonly topicTimeoutMs?: number
}

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
  readonly #options: ApplicationOptions
  readonly #logger: Logger
  readonly #member: StreamsMember
  readonly #committer: Committer
  readonly #worker: Worker
  readonly #globalTables: GlobalTables
  readonly #purge: RepartitionPurge
  readonly #missingTopics: MissingTopics
  readonly #listeners = new Set<() => void>()
  #state: ApplicationState = 'CREATED'
  #hasTarget = false
  #isAbandoned = false
  #endpoints: readonly EndpointPartitions[] = []
  #failure: Error | undefined
  #ended: Promise<void> | undefined

  constructor(options: ApplicationOptions) {
    const { topology, cluster, engine, logger = silentLogger, topicTimeoutMs = 10_000 } = options
    this.applicationId = topology.applicationId
    this.#options = options
    this.#logger = logger
    this.#member = new StreamsMember(cluster, this.#owner(), {
      groupId: topology.applicationId,
      topology: groupTopology(topology),
      processId: engine.instanceId,
      ...(options.userEndpoint === undefined ? {} : { userEndpoint: options.userEndpoint }),
    })
    const { memberId, groupId } = this.#member
    this.#committer = openCommitter(options.guarantee ?? 'exactly_once', {
      cluster,
      transactionalId: `${topology.applicationId}-${engine.instanceId}`,
      group: () => ({ groupId, memberId, epoch: this.#member.memberEpoch }),
      topicTimeoutMs,
    })
    this.#purge = new RepartitionPurge(cluster, logger, options.purgeIntervalMs ?? 30_000)
    this.#missingTopics = new MissingTopics({
      clock: cluster.clock,
      timeoutMs: topicTimeoutMs,
      onGone: error => this.#fail(error),
    })
    const shared = {
      cluster,
      engine,
      logger,
      onError: options.onError ?? 'fail',
      observersOf: options.observersOf ?? (() => []),
      onRestore: options.onRestore ?? (() => {}),
    }
    this.#globalTables = new GlobalTables({
      ...shared,
      tables: topology.globalTables,
      onFailure: error => this.#fail(error),
      onCommit: () => this.#notify(),
    })
    this.#worker = new Worker({
      ...shared,
      topology,
      groupId,
      committer: this.#committer,
      commitIntervalMs: options.commitIntervalMs ?? 100,
      topicTimeoutMs,
      globalTables: this.#globalTables,
      events: {
        onTasks: () => this.#tasksChanged(),
        onOwnership: () => this.#member.acknowledge(),
        onCommit: () => {
          this.#purge.committed(this.tasks())
          this.#notify()
        },
      },
    })
  }

  get state(): ApplicationState {
    return this.#state
  }

  /** Why the state is ERROR. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** The tasks here whose state is restored. */
  tasks(): HostedTask[] {
    return [...this.#worker.tasks.values()].filter(task => task.isRunning)
  }

  /** The tables that are here completely. */
  get globalTables(): GlobalTables {
    return this.#globalTables
  }

  /** Which instance answers for which partitions, as the group knows it. */
  get endpoints(): readonly EndpointPartitions[] {
    return this.#endpoints
  }

  /** Calls back after each commit, change of the tasks or of the state; the returned function ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  async start(): Promise<void> {
    assert(this.#state === 'CREATED', 'an application is started once')
    this.#setState('REBALANCING')
    const joined = this.#join()
    this.#ended = this.#run(joined)
    try {
      await joined
    } catch (error) {
      await this.#ended
      throw error
    }
  }

  /** The group gives tasks to a member as soon as it knows it: all that they need is there before. */
  async #join(): Promise<void> {
    const { cluster, topology } = this.#options
    await createExternalTopics(cluster, topology, this.#logger)
    await this.#globalTables.fill()
    await this.#member.start()
  }

  /** Resolves when every assigned task runs. Rejects when the application ends before. */
  whenRunning(): Promise<void> {
    return this.#until(() => this.#state === 'RUNNING')
  }

  /** Resolves when the group has assigned tasks to this member (perhaps none), which is after internal topics exist. */
  whenAssigned(): Promise<void> {
    return this.#until(() => this.#hasTarget)
  }

  /** Resolves when the application has ended, by close() or by a failure: see `failure`. */
  async whenEnded(): Promise<void> {
    await this.#ended
  }

  /** Commits, closes all tasks and leaves the group. */
  async close(): Promise<void> {
    if (this.#state === 'CREATED') {
      this.#setState('NOT_RUNNING')
      this.#ended = this.#release()
    }
    if (this.#state === 'REBALANCING' || this.#state === 'RUNNING') this.#setState('PENDING_SHUTDOWN')
    this.#worker.stop()
    this.#globalTables.stop()
    await this.#ended
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

  #until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (isSo()) resolve()
        else if (this.#state === 'ERROR') reject(this.#failure)
        else if (this.#state === 'NOT_RUNNING' || this.#state === 'PENDING_SHUTDOWN') {
          reject(new EvertError('CLOSED', `The application "${this.applicationId}" was closed.`))
        } else return
        stop()
      }
      const stop = this.onChange(look)
      look()
    })
  }

  async #run(joined: Promise<void>): Promise<void> {
    const tried = joined.catch((error: unknown) => this.#fail(error))
    try {
      await this.#worker.run()
    } catch (error) {
      this.#fail(error)
    }
    await this.#release()
    await tried
    if (this.#state !== 'ERROR') this.#setState('NOT_RUNNING')
  }

  /** Leaves the group and closes the producer and the global tables; a failure here changes nothing that is committed. */
  async #release(): Promise<void> {
    this.#missingTopics.stop()
    const closings = [this.#member.close(), this.#globalTables.close()]
    if (!this.#isAbandoned) closings.push(this.#committer.close())
    for (const outcome of await Promise.allSettled(closings)) {
      if (outcome.status === 'rejected') {
        this.#logger.warn(`The application did not end cleanly: ${(outcome.reason as Error).message}`)
      }
    }
  }

  #fail(error: unknown): void {
    if (this.#state === 'ERROR' || this.#state === 'NOT_RUNNING') return
    // Whoever closes the application while it starts ends that start.
    if (this.#state === 'PENDING_SHUTDOWN' && isEvertError(error, 'CLOSED')) return
    this.#failure = error instanceof Error ? error : new Error(String(error))
    this.#setState('ERROR')
    this.#worker.abandon()
  }

  #owner() {
    return {
      onAssignment: (assignment: StreamsAssignment) => {
        this.#hasTarget = true
        this.#worker.assign(taskIds(assignment))
        this.#tasksChanged()
      },
      owned: () => ownedBy(this.#worker.tasks.values()),
      onLost: (cause: Error) => {
        this.#logger.warn(`The group no longer knows this member; it joins again: ${cause.message}`)
        this.#hasTarget = false
        this.#worker.lose()
        this.#tasksChanged()
      },
      onStatus: (statuses: readonly GroupStatus[]) => this.#onStatus(statuses),
      onEndpoints: (endpoints: readonly EndpointPartitions[]) => {
        this.#endpoints = endpoints
        this.#notify()
      },
      onFatal: (error: Error) => this.#fail(error),
    }
  }

  #onStatus(statuses: readonly GroupStatus[]): void {
    this.#missingTopics.onStatus(statuses)
    for (const { name, detail } of statuses) {
      this.#logger.warn(`Group "${this.applicationId}": ${name}: ${detail}`)
      if (name === 'INCORRECTLY_PARTITIONED_TOPICS') this.#fail(new EvertError('INVALID_TOPOLOGY', detail))
      if (name === 'SHUTDOWN_APPLICATION') void this.close()
    }
  }

  #tasksChanged(): void {
    const { state } = this
    const isSettled = this.#hasTarget && this.#worker.isSettled
    if (state === 'REBALANCING' && isSettled) this.#setState('RUNNING')
    else if (state === 'RUNNING' && !isSettled) this.#setState('REBALANCING')
    else this.#notify()
  }

  #setState(state: ApplicationState): void {
    const before = this.#state
    this.#state = state
    this.#options.onStateChange?.(state, before)
    this.#notify()
  }

  #notify(): void {
    for (const listener of this.#listeners) listener()
  }
}

function taskIds({ active }: StreamsAssignment): Set<string> {
  return new Set(
    active.flatMap(({ subtopologyId, partitions }) => partitions.map(each => `${subtopologyId}_${each}`)),
  )
}

function ownedBy(tasks: Iterable<HostedTask>): StreamsAssignment {
  const bySubTopology = new Map<string, number[]>()
  for (const { subTopology, partition } of tasks) {
    const id = String(subTopology.id)
    const partitions = bySubTopology.get(id)
    if (partitions === undefined) bySubTopology.set(id, [partition])
    else partitions.push(partition)
  }
  const active = Array.from(bySubTopology, ([subtopologyId, partitions]) => ({ subtopologyId, partitions }))
  return { active, standby: [], warmup: [] }
}
