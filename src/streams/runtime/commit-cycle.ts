import type { Cluster } from '../../client/cluster.ts'
import { backoffMs, delay } from '../../client/retry.ts'
import type { Committer } from './committer.ts'
import type { HostedTask } from './hosted-task.ts'
import type { Logger } from './logger.ts'
import { KafkaError } from '../../client/kafka-error.ts'
import { errorCodes } from '../../wire/error-codes.ts'
import { isPassing } from './migration.ts'
import type { TopicLimits } from './topic-limits.ts'

export interface CommitCycleOptions {
  readonly cluster: Cluster
  readonly committer: Committer
  readonly commitIntervalMs: number
  /** A commit is due when changed values take about so much memory. */
  readonly stateStoreCacheMaxBytes: number
  readonly limits: TopicLimits
  readonly logger: Logger
}

/** When the tasks of a worker commit, and how: all together, in one transaction, and after it their stores. */
export class CommitCycle {
  readonly #options: CommitCycleOptions
  #hasUncommitted = false
  #lastMs: number
  #failures = 0

  constructor(options: CommitCycleOptions) {
    this.#options = options
    this.#lastMs = options.cluster.clock.elapsedMs()
  }

  /** Something happened that a commit must follow. */
  touch(): void {
    this.#hasUncommitted = true
  }

  get hasUncommitted(): boolean {
    return this.#hasUncommitted
  }

  /** When the next commit is due, at the latest; Infinity: nothing waits for one. */
  get dueAtMs(): number {
    return this.#hasUncommitted ? this.#lastMs + this.#options.commitIntervalMs : Infinity
  }

  isDue(tasks: Iterable<HostedTask>): boolean {
    if (!this.#hasUncommitted) return false
    return this.#options.cluster.clock.elapsedMs() >= this.dueAtMs || this.isWanted(tasks)
  }

  /** A commit comes before anything more is processed: a processor asks for it, or there is no room. */
  isWanted(tasks: Iterable<HostedTask>): boolean {
    const list = [...tasks]
    return list.some(task => task.wantsCommit) || this.isFull(list)
  }

  /** More must not be processed before the next commit. */
  isFull(tasks: Iterable<HostedTask>): boolean {
    return this.#options.committer.isFull || this.#isCacheFull(tasks)
  }

  #isCacheFull(tasks: Iterable<HostedTask>): boolean {
    let bytes = 0
    for (const task of tasks) bytes += task.stores.unflushedBytes
    return bytes > this.#options.stateStoreCacheMaxBytes
  }

  /**
   * Commits the tasks. Returns why it failed when that may pass: `abort` must follow, and each task must find out anew
   * where it stands. Throws what does not pass.
   */
  async commit(tasks: readonly HostedTask[]): Promise<Error | undefined> {
    let isDecided = false
    try {
      const prepared = tasks.map(task => ({ task, offsets: task.prepareCommit() }))
      await this.#options.committer.commit(prepared.flatMap(({ offsets }) => offsets))
      isDecided = true
      const mustFlush = this.#isCacheFull(tasks)
      for (const { task, offsets } of prepared) task.commit(offsets, { mustFlush })
    } catch (error) {
      // Decided, but the disk refuses: the state is behind its changelog, and the next start catches up.
      if (isDecided || !(await this.#mayPass(error))) throw error
      return error as Error
    }
    this.#failures = 0
    this.#done()
    return undefined
  }

  /** What is too large is found at its record when the records are processed again. */
  async #mayPass(error: unknown): Promise<boolean> {
    if (error instanceof KafkaError && error.errorCode === errorCodes.MESSAGE_TOO_LARGE) {
      return this.#options.limits.refresh()
    }
    return isPassing(error)
  }

  /** Ends the transaction without a trace, however long that takes; gives up when `goesOn` says so. */
  async abort(goesOn: () => boolean): Promise<void> {
    const { cluster, committer, logger } = this.#options
    for (;;) {
      const waitMs = backoffMs(cluster.backoff, this.#failures++)
      try {
        await committer.abort()
        break
      } catch (error) {
        if (!isPassing(error) || !goesOn()) throw error
        logger.warn(`A transaction is not aborted yet: ${(error as Error).message}`)
        await delay(cluster.clock, waitMs)
      }
    }
    this.#done()
  }

  #done(): void {
    this.#hasUncommitted = false
    this.#lastMs = this.#options.cluster.clock.elapsedMs()
  }
}
