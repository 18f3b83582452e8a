import { Latency } from '../../internal/latency.ts'
import type { MetricSheet } from '../../internal/metric.ts'
import { streamsMetrics } from './definitions.ts'
import { TimeShares } from './time-shares.ts'

type Part = 'poll' | 'process' | 'punctuate' | 'commit'

/** What a worker counts. It tells by its turns, not by its records. */
export class WorkerMeter {
  polls = 0
  processed = 0
  punctuations = 0
  commits = 0
  failedCommits = 0
  tasksCreated = 0
  tasksClosed = 0
  readonly #commitLatency = new Latency()
  readonly #times = new TimeShares<Part>()
  #lastMs = 0

  /** The time that passed since the last call was spent on nothing that is measured. */
  begin(): void {
    this.#lastMs = performance.now()
    this.#times.turn(this.#lastMs)
  }

  /** The time since the last call went into this part; returns it. */
  spent(part: Part): number {
    const nowMs = performance.now()
    const ms = nowMs - this.#lastMs
    this.#lastMs = nowMs
    this.#times.add(part, ms)
    return ms
  }

  committed(isDecided: boolean): void {
    const ms = this.spent('commit')
    if (isDecided) this.commits++
    else this.failedCommits++
    this.#commitLatency.turn(this.#lastMs)
    this.#commitLatency.record(ms)
  }

  report(sheet: MetricSheet): void {
    const nowMs = performance.now()
    sheet.set(streamsMetrics.polls, this.polls)
    sheet.set(streamsMetrics.pollRatio, this.#times.shareOf('poll', nowMs))
    sheet.set(streamsMetrics.processed, this.processed)
    sheet.set(streamsMetrics.processRatio, this.#times.shareOf('process', nowMs))
    sheet.set(streamsMetrics.punctuations, this.punctuations)
    sheet.set(streamsMetrics.punctuateRatio, this.#times.shareOf('punctuate', nowMs))
    sheet.set(streamsMetrics.commits, this.commits)
    sheet.set(streamsMetrics.failedCommits, this.failedCommits)
    sheet.set(streamsMetrics.commitRatio, this.#times.shareOf('commit', nowMs))
    sheet.set(streamsMetrics.tasksCreated, this.tasksCreated)
    sheet.set(streamsMetrics.tasksClosed, this.tasksClosed)
    this.#commitLatency.turn(nowMs)
    this.#commitLatency.report(sheet, streamsMetrics.commitLatency, {})
  }
}
