import type { MetricSheet } from '../../internal/metric.ts'
import { streamsMetrics } from '../metrics/definitions.ts'
import { type Logger, withFields } from './logger.ts'
import type { RestoreProgress } from './restore.ts'

export interface RestoreWatchOptions {
  readonly logger: Logger
  /** The user's own. */
  readonly onRestore: (taskId: string, progress: RestoreProgress) => void
  readonly elapsedMs: () => number
}

interface StoreRestore {
  readonly beganMs: number
  /** Offsets that there were to go, at first. */
  readonly total: number
  toldMs: number
  records: number
  remaining: number
}

const TELL_EACH_MS = 10_000

/** How far restores have come: for the log, for health and for metrics. */
export class RestoreWatch {
  readonly #options: RestoreWatchOptions
  /** By task, then by store, those that are not done. */
  readonly #tasks = new Map<string, Map<string, StoreRestore>>()
  #restored = 0

  constructor(options: RestoreWatchOptions) {
    this.#options = options
  }

  /** Passed on to the user's own callback. The first progress of a store says how much there is to go. */
  readonly onProgress = (taskId: string, progress: RestoreProgress): void => {
    this.#follow(taskId, progress)
    this.#options.onRestore(taskId, progress)
  }

  /** The task runs, or is gone. */
  end(taskId: string): void {
    this.#tasks.delete(taskId)
  }

  /** Part of the state of these tasks that is here, from 0 to 1: what runs is, what has not begun is not. */
  ratio(tasks: Iterable<{ readonly id: string; readonly isRunning: boolean }>): number {
    let count = 0
    let restored = 0
    for (const { id, isRunning } of tasks) {
      count++
      restored += isRunning ? 1 : this.#partOf(id)
    }
    return count === 0 ? 1 : restored / count
  }

  report(sheet: MetricSheet): void {
    sheet.set(streamsMetrics.restored, this.#restored)
    for (const [task, stores] of this.#tasks) {
      for (const [store, { remaining }] of stores) {
        sheet.set(streamsMetrics.restoreRemaining, remaining, { task, store })
      }
    }
  }

  #follow(taskId: string, { store, records, remaining }: RestoreProgress): void {
    const nowMs = this.#options.elapsedMs()
    const log = (message: string): void =>
      withFields(this.#options.logger, { task: taskId, store, records, remaining }).info(message)
    const stores = this.#tasks.get(taskId) ?? new Map<string, StoreRestore>()
    this.#tasks.set(taskId, stores)
    let restore = stores.get(store)
    if (restore === undefined || records < restore.records) {
      restore = { beganMs: nowMs, total: remaining, toldMs: nowMs, records: 0, remaining }
      stores.set(store, restore)
      log(`Task ${taskId} restores the store "${store}": ${remaining} offsets to go.`)
    }
    this.#restored += records - restore.records
    restore.records = records
    restore.remaining = remaining
    const seconds = (nowMs - restore.beganMs) / 1000
    if (remaining === 0) {
      log(`Task ${taskId} restored the store "${store}": ${records} records in ${seconds.toFixed(1)} s.`)
    } else if (nowMs - restore.toldMs >= TELL_EACH_MS) {
      restore.toldMs = nowMs
      const percent = Math.floor((1 - remaining / restore.total) * 100)
      log(`Task ${taskId} restores the store "${store}": ${percent} %, ${remaining} offsets to go.`)
    }
  }

  #partOf(taskId: string): number {
    let total = 0
    let remaining = 0
    for (const each of this.#tasks.get(taskId)?.values() ?? []) {
      total += each.total
      remaining += each.remaining
    }
    return total === 0 ? 0 : 1 - remaining / total
  }
}
