import type { Cluster } from '../../client/cluster.ts'
import { type FetchedPartition, Fetcher } from '../../client/fetcher.ts'
import { holdProcess } from '../../client/hold-process.ts'
import { isTopicMissing } from '../../client/kafka-error.ts'
import { EvertError } from '../../errors.ts'
import { backoffMs, delay } from '../../client/retry.ts'
import type { Topology } from '../graph/topology.ts'
import type { Committer } from './committer.ts'
import { HostedTask, type TaskEnvironment } from './hosted-task.ts'
import { isMigration } from './migration.ts'

export interface WorkerOptions extends TaskEnvironment {
  readonly topology: Topology
  readonly commitIntervalMs: number
  /** How long a topic may be missing before the worker fails. */
  readonly topicTimeoutMs: number
  readonly events: WorkerEvents
}

/** What the application around the worker hears. Calls are synchronous and must not throw. */
export interface WorkerEvents {
  /** The tasks that it holds changed, or which of them run. */
  onTasks(): void
  /** Revoked tasks are closed, or assigned ones opened: the coordinator may know. */
  onOwnership(): void
  onCommit(): void
}

/** How long records are processed before the event loop gets its turn. */
const SLICE_MS = 5
const SLICE_RECORDS = 500
/** Records of one input partition that may wait in a task; beyond, fetching rests until half of them are done. */
const BUFFERED_RECORDS = 20_000
/** A commit is due when changed values take about so much memory. */
const DIRTY_BYTES = 64 * 1024 * 1024
const IDLE_POLL_MS = 500

/**
 * The loop that runs tasks in one thread.
 *
 * Algorithm: follow the assignment; take what was fetched; process for a few milliseconds, all tasks in turns; commit
 * when it is due; let the event loop have its turn; again. All tasks commit together, in one transaction. Restores
 * run beside the loop, each on its own; a task joins the loop when its restore is done.
 *
 * State: the tasks by id; which of their inputs rest; whether anything happened since the last commit.
 *
 * Why it is correct: whatever fails before a commit is decided is rolled back for all tasks, and every one of them
 * then goes through a restore, which asks the cluster (committed offsets, changelogs) where it stands: the same way
 * after an abort, after an outcome that was not known, and after a crash.
 */
export class Worker {
  readonly #options: WorkerOptions
  readonly #cluster: Cluster
  readonly #committer: Committer
  readonly #fetcher: Fetcher
  readonly #tasks = new Map<string, HostedTask>()
  readonly #restores = new Map<string, { readonly abort: AbortController; readonly done: Promise<void> }>()
  readonly #resting = new Set<string>()
  #target: ReadonlySet<string> = new Set()
  #isTargetNew = false
  #isLost = false
  #isStopping = false
  #hasUncommitted = false
  #lastCommitMs: number
  #failedCommits = 0
  #failure: Error | undefined

  constructor(options: WorkerOptions) {
    this.#options = options
    this.#cluster = options.cluster
    this.#committer = options.committer
    this.#fetcher = new Fetcher(options.cluster, {
      offsetReset: 'fail',
      topicTimeoutMs: options.topicTimeoutMs,
    })
    this.#lastCommitMs = options.cluster.clock.nowMs()
  }

  get tasks(): ReadonlyMap<string, HostedTask> {
    return this.#tasks
  }

  /** Whether it holds exactly what it was assigned, and all of that runs. */
  get isSettled(): boolean {
    return !this.#isTargetNew && !this.#isLost && [...this.#tasks.values()].every(task => task.isRunning)
  }

  /** Ids of the tasks to run from now on. */
  assign(target: ReadonlySet<string>): void {
    this.#target = target
    this.#isTargetNew = true
    this.#fetcher.wakeUp()
  }

  /** The tasks are another member's already: they are closed without a commit. */
  lose(): void {
    this.#target = new Set()
    this.#isTargetNew = true
    this.#isLost = true
    this.#fetcher.wakeUp()
  }

  /** Makes `run` end: after a commit. */
  stop(): void {
    this.#isStopping = true
    this.#fetcher.wakeUp()
  }

  /** Makes `run` end as if the process died: nothing more is committed. */
  abandon(): void {
    this.#failure ??= new EvertError('CLOSED', 'The application was abandoned.')
    this.#fetcher.wakeUp()
  }

  /** Runs until `stop`, or until something fails for good. All tasks are closed when it settles. */
  async run(): Promise<void> {
    const release = holdProcess()
    try {
      await this.#committer.start()
      while (!this.#isStopping) await this.#turn()
      if (this.#hasUncommitted) await this.#commit()
      this.#throwFailure()
    } finally {
      release()
      await this.#closeTasks([...this.#tasks.keys()])
      await this.#fetcher.close()
    }
  }

  async #turn(): Promise<void> {
    this.#throwFailure()
    if (this.#isLost) await this.#dropAll()
    if (this.#isTargetNew) await this.#followTarget()
    this.#take(await this.#fetcher.poll({ maxWaitMs: this.#waitMs() }))
    this.#throwFailure()
    this.#process()
    if (this.#isCommitDue()) await this.#commit()
    await new Promise(resolve => setImmediate(resolve))
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  #waitMs(): number {
    if (this.#isStopping || this.#isTargetNew || this.#isLost || this.#failure !== undefined) return 0
    const nowMs = this.#cluster.clock.nowMs()
    let wakesAtMs = nowMs + IDLE_POLL_MS
    if (this.#hasUncommitted) wakesAtMs = this.#lastCommitMs + this.#options.commitIntervalMs
    for (const task of this.#tasks.values()) {
      if (task.buffered > 0) return 0
      wakesAtMs = Math.min(wakesAtMs, task.wakesAtMs)
    }
    return Math.max(0, wakesAtMs - nowMs)
  }

  #take(fetched: readonly FetchedPartition[]): void {
    for (const part of fetched) {
      const task = this.#readerOf(part)
      if (task === undefined || !task.isRunning) continue
      task.enqueue(part)
      this.#hasUncommitted = true
      if (task.bufferedOf(part.topic) < BUFFERED_RECORDS) continue
      this.#fetcher.pause(part.topic, part.partition)
      this.#resting.add(`${task.id} ${part.topic}`)
    }
  }

  #readerOf({ topic, partition }: { topic: string; partition: number }): HostedTask | undefined {
    for (const task of this.#tasks.values()) {
      if (task.partition === partition && task.topics.includes(topic)) return task
    }
    return undefined
  }

  #process(): void {
    for (const task of this.#tasks.values()) if (task.punctuate() > 0) this.#hasUncommitted = true
    const end = performance.now() + SLICE_MS
    for (;;) {
      let count = 0
      for (const task of this.#tasks.values()) {
        if (task.buffered > 0) count += task.process(SLICE_RECORDS)
      }
      if (count > 0) this.#hasUncommitted = true
      if (count === 0 || performance.now() > end || this.#isFull) break
    }
    this.#wakeRested()
  }

  #wakeRested(): void {
    for (const each of this.#resting) {
      const [id = '', topic = ''] = each.split(' ')
      const task = this.#tasks.get(id)
      if (task !== undefined && task.bufferedOf(topic) > BUFFERED_RECORDS / 2) continue
      this.#resting.delete(each)
      if (task?.isRunning === true) this.#fetcher.resume(topic, task.partition)
    }
  }

  get #isFull(): boolean {
    if (this.#committer.isFull) return true
    let bytes = 0
    for (const task of this.#tasks.values()) bytes += task.stores.dirtyBytes
    return bytes > DIRTY_BYTES
  }

  #isCommitDue(): boolean {
    if (!this.#hasUncommitted) return false
    const { commitIntervalMs } = this.#options
    return this.#cluster.clock.nowMs() - this.#lastCommitMs >= commitIntervalMs || this.#isFull
  }

  /** Commits all running tasks; after a failure that passes, rolls all of them back. */
  async #commit(): Promise<void> {
    const running = [...this.#tasks.values()].filter(task => task.isRunning)
    let local = false
    try {
      const prepared = running.map(task => ({ task, offsets: task.prepareCommit() }))
      await this.#committer.commit(prepared.flatMap(({ offsets }) => offsets))
      local = true
      for (const { task, offsets } of prepared) task.commit(offsets)
    } catch (error) {
      // Decided, but the disk refuses: the state is behind its changelog, and the next start catches up.
      if (local || !isPassing(error)) throw error
      await this.#rollBack(error as Error)
      return
    }
    this.#failedCommits = 0
    this.#hasUncommitted = false
    this.#lastCommitMs = this.#cluster.clock.nowMs()
    this.#options.events.onCommit()
  }

  /** Nothing since the last commit counts; every task finds out anew where it stands. */
  async #rollBack(cause: Error): Promise<void> {
    this.#options.logger.warn(`A commit failed and its records are processed again: ${cause.message}`)
    const running = [...this.#tasks.values()].filter(task => task.isRunning)
    for (const task of running) this.#suspend(task)
    this.#options.events.onTasks()
    await this.#abort()
    for (const task of running) this.#restore(task)
  }

  /** Ends the transaction without a trace, however long that takes. */
  async #abort(): Promise<void> {
    for (;;) {
      const waitMs = backoffMs(this.#cluster.backoff, this.#failedCommits++)
      try {
        await this.#committer.abort()
        break
      } catch (error) {
        if (!isPassing(error) || this.#failure !== undefined) throw error
        this.#options.logger.warn(`A transaction is not aborted yet: ${(error as Error).message}`)
        await delay(this.#cluster.clock, waitMs)
      }
    }
    this.#hasUncommitted = false
    this.#lastCommitMs = this.#cluster.clock.nowMs()
  }

  async #dropAll(): Promise<void> {
    this.#isLost = false
    const held = [...this.#tasks.values()]
    for (const task of held) this.#suspend(task)
    if (this.#hasUncommitted) await this.#abort()
    await this.#closeTasks(held.map(task => task.id))
    this.#options.events.onTasks()
    this.#options.events.onOwnership()
  }

  async #followTarget(): Promise<void> {
    const { topology, events } = this.#options
    const revoked = [...this.#tasks.keys()].filter(id => !this.#target.has(id))
    if (revoked.length > 0 && this.#hasUncommitted) {
      await this.#commit()
      // A failed commit restores them all; those that are revoked are closed below either way.
    }
    this.#isTargetNew = false
    if (revoked.length > 0) {
      await this.#closeTasks(revoked)
      events.onTasks()
      events.onOwnership()
    }
    const added = [...this.#target].filter(id => !this.#tasks.has(id))
    if (added.length === 0) return events.onTasks()
    for (const id of added) {
      const [subTopologyId, partition] = id.split('_').map(Number)
      const subTopology = topology.subTopologies.find(each => each.id === subTopologyId)
      if (subTopology === undefined) throw unknownTask(id)
      const task = new HostedTask(subTopology, partition as number, this.#options)
      this.#tasks.set(id, task)
      this.#restore(task)
    }
    events.onTasks()
    events.onOwnership()
  }

  #suspend(task: HostedTask): void {
    this.#fetcher.unassign(task.topics.map(topic => ({ topic, partition: task.partition })))
    for (const topic of task.topics) this.#resting.delete(`${task.id} ${topic}`)
    task.rollback()
  }

  /** Beside the loop. */
  #restore(task: HostedTask): void {
    const abort = new AbortController()
    const done = this.#restoreUntilDone(task, abort.signal).catch((error: unknown) => {
      if (abort.signal.aborted) return
      this.#failure ??= error as Error
      this.#fetcher.wakeUp()
    })
    this.#restores.set(task.id, { abort, done })
  }

  async #restoreUntilDone(task: HostedTask, signal: AbortSignal): Promise<void> {
    const { logger, events, topicTimeoutMs } = this.#options
    const { clock } = this.#cluster
    const deadlineMs = clock.nowMs() + topicTimeoutMs
    for (let attempt = 0; ; attempt++) {
      try {
        const positions = await task.restore(signal)
        this.#fetcher.assign(positions)
        break
      } catch (error) {
        const isGone = isTopicMissing(error) && clock.nowMs() >= deadlineMs
        if (signal.aborted || isGone || !isPassing(error)) throw error
        logger.warn(`The restore of task ${task.id} starts again: ${(error as Error).message}`)
        await delay(clock, backoffMs(this.#cluster.backoff, attempt))
      }
    }
    events.onTasks()
    this.#fetcher.wakeUp()
  }

  async #closeTasks(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const task = this.#tasks.get(id) as HostedTask
      const restore = this.#restores.get(id)
      restore?.abort.abort(new EvertError('CLOSED', `Task ${id} was closed during its restore.`))
      await restore?.done
      this.#restores.delete(id)
      this.#suspend(task)
      this.#tasks.delete(id)
      await task.close()
    }
  }
}

/** What another attempt may get past: lost connections, a moved coordinator, a member or producer that was fenced. */
function isPassing(error: unknown): boolean {
  return isMigration(error) || (error instanceof EvertError && error.retryable)
}

function unknownTask(id: string): EvertError {
  return new EvertError(
    'INVALID_TOPOLOGY',
    `The group assigned task ${id}, which this topology does not have: other members of the group run another ` +
      'topology. Give the changed topology an application id of its own.',
  )
}
