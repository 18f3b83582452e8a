import type { Cluster } from '../../client/cluster.ts'
import { holdProcess } from '../../internal/hold-process.ts'
import { EvertError, isEvertError } from '../../errors.ts'
import type { MetricSheet } from '../../internal/metric.ts'
import type { SubTopology, Topology } from '../graph/topology.ts'
import { streamsMetrics } from '../metrics/definitions.ts'
import { WorkerMeter } from '../metrics/worker-meter.ts'
import { CommitCycle } from './commit-cycle.ts'
import { HostedTask, type TaskEnvironment } from './hosted-task.ts'
import { InputFlow } from './input-flow.ts'
import { NO_TASKS, type TargetTasks } from './assigned-tasks.ts'
import { StandbyTasks } from './standby-tasks.ts'
import type { RestoreWatch } from './restore-watch.ts'
import { TaskRestores } from './task-restores.ts'

export interface WorkerOptions extends Omit<TaskEnvironment, 'onCallDone'> {
  readonly topology: Topology
  readonly commitIntervalMs: number
  /** How long a topic may be missing before the worker fails. */
  readonly topicTimeoutMs: number
  readonly events: WorkerEvents
  /** Told when a task needs no restore any more. */
  readonly restores: RestoreWatch
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
const IDLE_POLL_MS = 500
const CLAIM_POLL_MS = 20

/**
 * The loop that runs tasks in one thread.
 *
 * Algorithm: follow the assignment; take what was fetched; process for a few milliseconds, all tasks in turns; commit
 * when it is due; let the event loop have its turn; again. All tasks commit together, in one transaction. Restores
 * run beside the loop, each on its own; a task joins the loop when its restore is done.
 *
 * State: the tasks by id, and which of them the group wants here; the parts below have their own.
 *
 * Why it is correct: whatever fails before a commit is decided is rolled back for all tasks, and every one of them
 * then goes through a restore, which asks the cluster (committed offsets, changelogs) where it stands: the same way
 * after an abort, after an outcome that was not known, and after a crash.
 */
export class Worker {
  readonly #options: WorkerOptions
  readonly #cluster: Cluster
  readonly #inputs: InputFlow
  readonly #commits: CommitCycle
  readonly #restores: TaskRestores
  readonly #standbys: StandbyTasks
  readonly #tasks = new Map<string, HostedTask>()
  readonly #meter = new WorkerMeter()
  #target = NO_TASKS
  #isTargetNew = false
  /** Another worker of the process still has a task that is wanted here. */
  #isBlocked = false
  #isLost = false
  #isStopping = false
  #isPaused = false
  #failure: Error | undefined

  constructor(options: WorkerOptions) {
    this.#options = options
    this.#cluster = options.cluster
    this.#inputs = new InputFlow(options.cluster, options.topicTimeoutMs)
    this.#commits = new CommitCycle(options)
    this.#restores = new TaskRestores({
      ...options,
      onDone: (task, positions) => {
        options.restores.end(task.id)
        this.#inputs.open(task, positions)
        options.events.onTasks()
        this.#inputs.wakeUp()
      },
      onFailure: error => this.#fail(error),
    })
    this.#standbys = new StandbyTasks({ ...options, onFailure: error => this.#fail(error) })
  }

  get tasks(): ReadonlyMap<string, HostedTask> {
    return this.#tasks
  }

  /** Copies of the state of tasks that run elsewhere. */
  get standbys(): StandbyTasks {
    return this.#standbys
  }

  /** Whether it holds exactly what it was assigned, and all of that runs. */
  get isSettled(): boolean {
    if (this.#isTargetNew || this.#isBlocked || this.#isLost) return false
    return [...this.#tasks.values()].every(task => task.isRunning)
  }

  report(sheet: MetricSheet): void {
    this.#meter.report(sheet)
    for (const task of this.#tasks.values()) task.report(sheet, topic => this.#inputs.lagOf(topic, task))
    for (const { id, lag } of this.#standbys.progress()) {
      if (lag !== undefined) sheet.set(streamsMetrics.updateRemaining, lag, { task: id })
    }
  }

  /** How far its tasks are behind, for the input partition that is furthest; 0 while nothing is known. */
  maxLag(): number {
    const lags = Array.from(this.#tasks.values(), task => task.lags(topic => this.#inputs.lagOf(topic, task)))
    return Math.max(0, ...lags.flatMap(each => [...each.values()]))
  }

  /** The tasks to run, and those to keep warm, from now on. */
  assign(target: TargetTasks): void {
    this.#target = target
    this.#isTargetNew = true
    this.#inputs.wakeUp()
  }

  /** The tasks are another member's already: they are closed without a commit. */
  lose(): void {
    this.#target = NO_TASKS
    this.#isTargetNew = true
    this.#isLost = true
    this.#inputs.wakeUp()
  }

  /** Whether nothing is processed and no punctuation is called; tasks are followed, restored and committed as ever. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused
    this.#inputs.wakeUp()
  }

  /** Makes `run` end: after a commit. */
  stop(): void {
    this.#isStopping = true
    this.#inputs.wakeUp()
  }

  /** Makes `run` end as if the process died: nothing more is committed. */
  abandon(): void {
    this.#fail(new EvertError('CLOSED', 'The application was abandoned.'))
  }

  /** Runs until `stop`, or until something fails for good. All tasks are closed when it settles. */
  async run(): Promise<void> {
    const release = holdProcess()
    try {
      await this.#options.committer.start()
      while (!this.#isStopping) await this.#turn()
      if (this.#commits.hasUncommitted) await this.#commit()
      this.#throwFailure()
    } finally {
      release()
      await this.#closeTasks([...this.#tasks.keys()])
      await this.#standbys.close()
      await this.#inputs.end()
    }
  }

  async #turn(): Promise<void> {
    this.#throwFailure()
    if (this.#isLost) await this.#dropAll()
    if (this.#isTargetNew) await this.#followTarget()
    this.#meter.begin()
    if (await this.#inputs.take(this.#waitMs())) this.#commits.touch()
    this.#meter.polls++
    this.#meter.spent('poll')
    this.#throwFailure()
    if (!this.#isPaused) this.#process()
    if (this.#commits.isDue(this.#tasks.values())) await this.#commit()
    await new Promise(resolve => setImmediate(resolve))
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#inputs.wakeUp()
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  #waitMs(): number {
    if (this.#isStopping || this.#isTargetNew || this.#isLost || this.#failure !== undefined) return 0
    const { clock } = this.#cluster
    const elapsedMs = clock.elapsedMs()
    let waitMs = this.#commits.hasUncommitted ? this.#commits.dueAtMs - elapsedMs : IDLE_POLL_MS
    if (this.#isPaused) return Math.max(0, waitMs)
    for (const task of this.#tasks.values()) {
      // Punctuations are due by the wall clock, everything else by elapsed time.
      waitMs = Math.min(waitMs, task.wakesAtMs - clock.nowMs(), task.readyAtMs - elapsedMs)
    }
    return Math.max(0, waitMs)
  }

  #process(): void {
    for (const task of this.#tasks.values()) {
      const punctuations = task.punctuate()
      this.#meter.punctuations += punctuations
      if (punctuations + task.completeCalls() > 0) this.#commits.touch()
    }
    this.#meter.spent('punctuate')
    const end = performance.now() + SLICE_MS
    for (;;) {
      let count = 0
      for (const task of this.#tasks.values()) {
        if (task.buffered > 0) count += task.process(SLICE_RECORDS, topic => this.#inputs.lagOf(topic, task))
      }
      if (count > 0) this.#commits.touch()
      this.#meter.processed += count
      if (count === 0 || performance.now() > end || this.#commits.isWanted(this.#tasks.values())) break
    }
    this.#meter.spent('process')
    for (const task of this.#tasks.values()) task.startCalls()
    this.#inputs.wakeRested()
  }

  /** Commits all running tasks; after a failure that passes, rolls all of them back. */
  async #commit(): Promise<void> {
    const running = [...this.#tasks.values()].filter(task => task.isRunning)
    this.#meter.begin()
    const failure = await this.#commits.commit(running)
    this.#meter.committed(failure === undefined)
    if (failure === undefined) this.#options.events.onCommit()
    else await this.#rollBack(running, failure)
  }

  /** Nothing since the last commit counts; every task finds out anew where it stands. */
  async #rollBack(running: readonly HostedTask[], cause: Error): Promise<void> {
    this.#options.logger.warn(`A commit failed and its records are processed again: ${cause.message}`)
    for (const task of running) this.#suspend(task)
    this.#options.events.onTasks()
    await this.#abort()
    for (const task of running) this.#restores.start(task)
  }

  async #abort(): Promise<void> {
    await this.#commits.abort(() => this.#failure === undefined)
  }

  async #dropAll(): Promise<void> {
    this.#isLost = false
    const held = [...this.#tasks.values()]
    for (const task of held) this.#suspend(task)
    if (this.#commits.hasUncommitted) await this.#abort()
    await this.#closeTasks(held.map(task => task.id))
    for (const { id } of this.#standbys.tasks) await this.#standbys.stop(id)
    this.#options.events.onTasks()
    this.#options.events.onOwnership()
  }

  async #followTarget(): Promise<void> {
    const { events } = this.#options
    const revokedNow = (): string[] => [...this.#tasks.keys()].filter(id => !this.#target.active.has(id))
    if (revokedNow().length > 0 && this.#commits.hasUncommitted) {
      await this.#commit()
      // A failed commit restores them all; those that are revoked are closed below either way.
    }
    // The target may have changed again during the commit: it is the one of this moment that is followed.
    this.#isTargetNew = false
    this.#isBlocked = false
    const { active, standby } = this.#target
    const revoked = revokedNow()
    const cooled = this.#standbys.tasks.filter(({ id }) => !standby.has(id) && !active.has(id))
    await this.#closeTasks(revoked)
    for (const { id } of cooled) await this.#standbys.stop(id)
    if (revoked.length + cooled.length > 0) {
      events.onTasks()
      events.onOwnership()
    }
    const added = [...active].filter(id => !this.#tasks.has(id))
    const warmed = [...standby].filter(id => !this.#standbys.has(id) && !this.#tasks.has(id))
    for (const id of added) await this.#unlessInUse(() => this.#open(id))
    for (const id of warmed) await this.#unlessInUse(() => this.#standbys.start(...this.#find(id)))
    events.onTasks()
    if (added.length + warmed.length > 0) events.onOwnership()
  }

  /** Tried again in a while when another worker of the process, which may hang, has not let go of the task yet. */
  async #unlessInUse(open: () => void | Promise<void>): Promise<void> {
    try {
      await open()
    } catch (error) {
      if (!isEvertError(error, 'DIRECTORY_IN_USE')) throw error
      this.#isBlocked = true
      this.#cluster.clock.schedule(CLAIM_POLL_MS, () => {
        this.#isTargetNew = true
        this.#inputs.wakeUp()
      })
    }
  }

  async #open(id: string): Promise<void> {
    const environment = { ...this.#options, onCallDone: () => this.#inputs.wakeUp() }
    const stores = await this.#standbys.take(id)
    const task = new HostedTask(...this.#find(id), environment, stores)
    this.#tasks.set(id, task)
    this.#meter.tasksCreated++
    this.#restores.start(task)
  }

  #find(id: string): [SubTopology, number] {
    const [subTopologyId, partition] = id.split('_').map(Number)
    const subTopology = this.#options.topology.subTopologies.find(each => each.id === subTopologyId)
    if (subTopology === undefined) throw unknownTask(id)
    return [subTopology, partition as number]
  }

  #suspend(task: HostedTask): void {
    this.#inputs.close(task)
    task.rollback()
  }

  async #closeTasks(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const task = this.#tasks.get(id) as HostedTask
      await this.#restores.stop(task)
      this.#suspend(task)
      this.#tasks.delete(id)
      this.#meter.tasksClosed++
      this.#options.restores.end(id)
      await task.close()
    }
  }
}

function unknownTask(id: string): EvertError {
  return new EvertError(
    'INVALID_TOPOLOGY',
    `The group assigned task ${id}, which this topology does not have: other members of the group run another ` +
      'topology. Give the changed topology an application id of its own.',
  )
}
