import type { RecordColumns } from '../../records/record-columns.ts'
import type { AsyncOperator } from '../processors/async-call.ts'
import type { PunctuationTime, SourcePosition } from '../processors/process-context.ts'
import type { DropReason } from '../processors/drop-reason.ts'
import type { TaskContext } from '../processors/processor.ts'
import type { Alarm, Punctuation } from '../processors/punctuation.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { TaskCounts } from './record-counts.ts'
import { nextTick, Punctuations } from './punctuations.ts'

/** What a task's processors see of it, kept up by the task. */
export class LiveContext implements TaskContext {
  node = ''
  streamTime = -1
  readonly partition: number
  readonly nowMs: () => number
  hasInput = (): boolean => false
  readonly counts: TaskCounts
  readonly byStreamTime = new Punctuations()
  /** Alarms of event time: those before a record's time ring before it. */
  readonly timers = new Punctuations()
  readonly byWallClock = new Punctuations()
  /** The input partition whose record is processed. */
  reading: PartitionQueue | undefined = undefined
  /** A processor asked for a commit since the last one. */
  wantsCommit = false
  readonly #closing: (() => unknown)[] = []
  /** While the result of a call is passed on: where its record was read. */
  origin: SourcePosition | undefined = undefined
  readonly asyncOperators: AsyncOperator[] = []

  constructor(partition: number, nowMs: () => number, counts: TaskCounts) {
    this.counts = counts
    this.partition = partition
    this.nowMs = nowMs
  }

  get source(): SourcePosition | undefined {
    const queue = this.reading
    if (queue === undefined) return this.origin
    const { topic, partition } = queue
    return { topic, partition, offset: (queue.columns as RecordColumns).offset(queue.index) }
  }

  /** Kafka Streams' rules: by stream time the grid begins at 0, by wall clock one interval from now. */
  schedule(punctuation: Punctuation, time: PunctuationTime, anchorMs: number | undefined): () => void {
    const isStream = time === 'stream'
    const nowMs = isStream ? this.streamTime : this.nowMs()
    const { intervalMs } = punctuation
    const firstMs = (() => {
      if (anchorMs === undefined) return isStream ? 0 : nowMs + intervalMs
      return anchorMs < nowMs ? nextTick(anchorMs, intervalMs, nowMs) : anchorMs
    })()
    return (isStream ? this.byStreamTime : this.byWallClock).add(punctuation, firstMs)
  }

  alarm(node: string, time: PunctuationTime, callback: (timeMs: number) => unknown): Alarm {
    return (time === 'stream' ? this.timers : this.byWallClock).addAlarm(node, callback)
  }

  requestCommit(): void {
    this.wantsCommit = true
  }

  onClose(callback: () => unknown): void {
    this.#closing.push(callback)
  }

  /** Each is called once, the last one first; what one throws does not keep the others from it. */
  close(onError: (error: unknown) => void): void {
    for (const callback of this.#closing.splice(0).toReversed()) {
      try {
        callback()
      } catch (error) {
        onError(error)
      }
    }
  }

  attach(operator: AsyncOperator): void {
    this.asyncOperators.push(operator)
  }

  drop(node: string, reason: DropReason): void {
    this.counts.drop(node, reason)
  }
}
