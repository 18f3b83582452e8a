import type { Cluster } from '../../client/cluster.ts'
import type { PartitionPosition } from '../../client/fetcher.ts'
import { isOutOfRange, isTopicMissing } from '../../client/kafka-error.ts'
import { backoffMs, delay } from '../../client/retry.ts'
import { EvertError } from '../../errors.ts'
import type { HostedTask } from './hosted-task.ts'
import type { Logger } from './logger.ts'
import { isPassing } from './migration.ts'

export interface TaskRestoresOptions {
  readonly cluster: Cluster
  readonly logger: Logger
  /** How long a topic may be missing before the restore fails. */
  readonly topicTimeoutMs: number
  /** The task runs; its inputs go on from here. */
  readonly onDone: (task: HostedTask, positions: readonly PartitionPosition[]) => void
  readonly onFailure: (error: Error) => void
}

/** Restores tasks beside the worker's loop, each on its own, again after what passes. */
export class TaskRestores {
  readonly #options: TaskRestoresOptions
  readonly #running = new Map<string, { readonly abort: AbortController; readonly done: Promise<void> }>()

  constructor(options: TaskRestoresOptions) {
    this.#options = options
  }

  start(task: HostedTask): void {
    const abort = new AbortController()
    const done = this.#restore(task, abort.signal).catch((error: unknown) => {
      if (!abort.signal.aborted) this.#options.onFailure(error as Error)
    })
    this.#running.set(task.id, { abort, done })
  }

  /** Resolves when the task is not being restored any more. */
  async stop({ id }: HostedTask): Promise<void> {
    const restore = this.#running.get(id)
    restore?.abort.abort(new EvertError('CLOSED', `Task ${id} was closed during its restore.`))
    await restore?.done
    this.#running.delete(id)
  }

  async #restore(task: HostedTask, signal: AbortSignal): Promise<void> {
    const { cluster, logger, topicTimeoutMs, onDone } = this.#options
    const deadlineMs = cluster.clock.elapsedMs() + topicTimeoutMs
    for (let attempt = 0; ; attempt++) {
      try {
        onDone(task, await task.restore(signal))
        return
      } catch (error) {
        const isGone = isTopicMissing(error) && cluster.clock.elapsedMs() >= deadlineMs
        // A changelog may be cut off while it is read: another attempt finds where it begins now.
        if (signal.aborted || isGone || !(isPassing(error) || isOutOfRange(error))) throw error
        logger.warn(`The restore of task ${task.id} starts again: ${(error as Error).message}`)
        await delay(cluster.clock, backoffMs(cluster.backoff, attempt))
      }
    }
  }
}
