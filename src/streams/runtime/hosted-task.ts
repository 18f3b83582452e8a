import type { Cluster } from '../../client/cluster.ts'
import type { FetchedPartition, PartitionPosition } from '../../client/fetcher.ts'
import type { CommittableOffset } from '../../client/committable-offset.ts'
import { KafkaError } from '../../client/kafka-error.ts'
import { EvertError, isEvertError } from '../../errors.ts'
import { assert } from '../../internal/assert.ts'
import type { MetricSheet } from '../../internal/metric.ts'
import { errorCodes } from '../../wire/error-codes.ts'
import type { SubTopology } from '../graph/topology.ts'
import { streamsMetrics } from '../metrics/definitions.ts'
import type { AsyncCall } from '../processors/async-call.ts'
import type { StoreAccess } from '../processors/processor.ts'
import type { CommitOptions, TaskStores } from '../state/task-stores.ts'
import type { Committer } from './committer.ts'
import { CallRunner } from './call-runner.ts'
import { offsetOfMark, StaleStateError } from './log-mark.ts'
import { type Logger, withFields } from './logger.ts'
import type { RecordCounts } from './record-counts.ts'
import type { DeadWriters } from './dead-writers.ts'
import type { RecordTracer } from './telemetry.ts'
import { tracedCall } from './tracing.ts'
import { openTaskStores, type StoreEnvironment } from './open-stores.ts'
import { changelogMark, inputOffsetsOf, type RestoreProgress, restoreStores, writersOf } from './restore.ts'
import { writeTimes } from './committed-times.ts'
import { POSITION_MARK, writePosition } from './position-mark.ts'
import { skippedTopic } from './skipped-records.ts'
import { Task } from './task.ts'
import { type LagOf, TaskIdling } from './task-idling.ts'
import type { ErrorPolicy } from '../processors/error-policy.ts'
import type { TaskPosition } from './task-options.ts'

export interface TaskEnvironment extends StoreEnvironment {
  readonly cluster: Cluster
  readonly groupId: string
  readonly committer: Committer
  readonly deadWriters: DeadWriters
  readonly onError: ErrorPolicy
  readonly applicationId: string
  readonly logger: Logger
  readonly tracer: RecordTracer | undefined
  /** Of all tasks of the instance. */
  readonly counts: RecordCounts
  readonly onRestore: (taskId: string, progress: RestoreProgress) => void
  /** How long a task waits for an empty input that is read to its end; -1: it waits for none. */
  readonly maxTaskIdleMs: number
  /** The stores of the topology's global tables. */
  readonly globalTables: StoreAccess
  /** Whether each commit also tells, in the state itself, what it reflects: to readers in other threads. */
  readonly recordsPosition: boolean
  /** A call of an asynchronous function has ended: the task has something to do. */
  readonly onCallDone: () => void
}

/**
 * One task in a worker: its state, its processors, and how far both have come.
 *
 * Life: made → `restore` (again after each rollback) → running, commits → `close`. The state stays open throughout;
 * the processors are made anew by each restore.
 */
export class HostedTask {
  readonly id: string
  readonly subTopology: SubTopology
  readonly partition: number
  readonly #environment: TaskEnvironment
  readonly #idling: TaskIdling
  /** It has records, but waits for others. */
  #isWaiting = false
  /** A commit was refused because of a change that is too large: from then on its record is looked for. */
  #verifiesChanges = false
  #stores: TaskStores
  #task: Task | undefined
  #calls: CallRunner
  /** It did something since the last commit besides taking records. */
  #hasActed = false
  #topics: readonly string[] = []
  #committed = new Map<string, number>()
  #reflected: ReadonlyMap<string, number> = this.#committed
  #changelogs: KnownChangelog[] = []

  /** `stores`: its state if that is open already, as of a standby task. */
  constructor(
    subTopology: SubTopology,
    partition: number,
    environment: TaskEnvironment,
    stores: TaskStores = openTaskStores(subTopology, partition, environment),
  ) {
    this.id = `${subTopology.id}_${partition}`
    this.subTopology = subTopology
    this.partition = partition
    this.#environment = { ...environment, logger: withFields(environment.logger, { task: this.id }) }
    this.#idling = new TaskIdling(environment.maxTaskIdleMs)
    this.#stores = stores
    this.#calls = this.#newCalls()
  }

  get isRunning(): boolean {
    return this.#task !== undefined
  }

  get stores(): TaskStores {
    return this.#stores
  }

  /**
   * What its committed state reflects, by topic: the next offsets of its inputs at the last commit, or the first that
   * still waited for a result then.
   */
  get committed(): ReadonlyMap<string, number> {
    return this.#reflected
  }

  /** Topics of which it reads its partition. */
  get topics(): readonly string[] {
    return this.#topics
  }

  get streamTime(): number {
    return this.#task?.streamTime ?? -1
  }

  /**
   * Brings state and positions to the last commit of whoever ran the task, and makes it running. Resolves to where its
   * inputs go on. Rejects with the signal's reason, or with what the cluster or the disk refuses.
   */
  async restore(signal: AbortSignal): Promise<PartitionPosition[]> {
    const { cluster, groupId, committer, onError, onRestore, logger, engine, limits, tracer } =
      this.#environment
    const { partition, subTopology } = this
    this.#topics = await this.#inputTopics()
    await this.#endDeadWriters()
    const inputs = await inputOffsetsOf(cluster, groupId, this.#topics, partition)
    const inputOffsets = new Map(Array.from(inputs, ([topic, { offset }]) => [topic, offset]))
    for (;;) {
      signal.throwIfAborted()
      try {
        await restoreStores({
          cluster,
          stores: this.#stores,
          definitions: subTopology.stores,
          partition,
          inputOffsets,
          applicationId: groupId,
          signal,
          onProgress: progress => onRestore(this.id, progress),
        })
        break
      } catch (error) {
        if (!(error instanceof StaleStateError)) throw error
        logger.warn(`The state of task ${this.id} is dropped and restored from the start: ${error.message}.`)
        await this.#stores.close()
        await engine.dropTask(this.id)
        this.#stores = openTaskStores(subTopology, partition, this.#environment)
      }
    }
    await this.#readMarks()
    await this.#knowTargets()
    await limits.learn(this.#writtenTopics())
    signal.throwIfAborted()
    if (this.#verifiesChanges) this.#stores.watchChanges()
    const task = new Task({
      applicationId: this.#environment.applicationId,
      limitOf: topic => limits.of(topic),
      warn: message => logger.warn(message),
      ...(this.#verifiesChanges && { verifyChanges: () => this.#stores.verifyChanges() }),
      subTopology,
      partition,
      stores: this.#access(),
      collector: committer,
      onError,
      ...(tracer !== undefined && { tracer }),
      counts: this.#environment.counts.of(this.id),
      nowMs: () => cluster.clock.nowMs(),
      partitionsOf: topic => partitionsOf(cluster, topic),
      skippedTopic: skippedTopic(groupId),
    })
    for (const [topic, { streamTime, partitionTime }] of inputs) {
      task.restoreStreamTime(streamTime)
      task.restorePartitionTime(topic, partitionTime)
    }
    this.#calls = this.#newCalls()
    this.#task = task
    this.#committed = inputOffsets
    this.#reflect(task)
    return this.#topics.map(topic => ({ topic, partition, offset: inputOffsets.get(topic) ?? 'earliest' }))
  }

  enqueue({ topic, partition, batches, firstOffset, nextOffset }: FetchedPartition): void {
    this.#running.enqueue({ topic, partition, batches, fromOffset: firstOffset, nextOffset })
    this.#isWaiting = false
  }

  bufferedOf(topic: string): number {
    return this.#task?.bufferedOf(topic) ?? 0
  }

  get buffered(): number {
    return this.#task?.buffered ?? 0
  }

  /** `lagOf` tells how far its inputs are behind. Throws TASK_FAILED. */
  process(maxRecords: number, lagOf: LagOf): number {
    const elapsedMs = this.#environment.cluster.clock.elapsedMs()
    const beganMs = performance.now()
    const task = this.#running
    const done = task.process(
      maxRecords,
      topic =>
        // A topic with fewer partitions gives it nothing.
        this.#topics.includes(topic) &&
        this.#idling.mustWait(topic, { buffered: task.bufferedOf(topic), lag: lagOf(topic) }, elapsedMs),
    )
    this.#isWaiting = done < maxRecords && task.buffered > 0
    const counts = this.#environment.counts.of(this.id)
    counts.processed += done
    counts.processMs += performance.now() - beganMs
    counts.endToEnd.turn(elapsedMs)
    return done
  }

  /** How it is now, while it runs. */
  report(sheet: MetricSheet, lagOf: LagOf): void {
    const { id } = this
    const task = this.#task
    if (task === undefined) return
    sheet.set(streamsMetrics.buffered, task.buffered, { task: id })
    sheet.set(streamsMetrics.cacheBytes, this.#stores.unflushedBytes, { task: id })
    if (task.calls.areMade) sheet.set(streamsMetrics.pendingCalls, task.calls.pending, { task: id })
    const partition = String(this.partition)
    for (const [topic, lag] of this.lags(lagOf)) {
      sheet.set(streamsMetrics.lag, lag, { task: id, topic, partition })
    }
    for (const { name } of this.subTopology.stores) {
      sheet.set(streamsMetrics.keys, this.#stores.bytes(name).size, { task: id, store: name })
    }
  }

  /** How far the last processed record of each input is from its end; an input that told nothing yet is left out. */
  lags(lagOf: LagOf): Map<string, number> {
    const lags = new Map<string, number>()
    for (const topic of this.#topics) {
      const notFetched = lagOf(topic)
      if (notFetched !== undefined) lags.set(topic, notFetched + (this.#task?.offsetsBufferedOf(topic) ?? 0))
    }
    return lags
  }

  /** When it can go on with what is buffered, if nothing more is fetched; Infinity when it cannot. */
  get readyAtMs(): number {
    if (this.#calls.hasEnded) return 0
    if (this.buffered === 0 || this.#task?.calls.areFull === true) return Infinity
    return this.#isWaiting ? this.#idling.endsAtMs : 0
  }

  /** When the next punctuation by wall clock is due; Infinity when there is none. */
  get wakesAtMs(): number {
    return this.#task?.wakesAtMs ?? Infinity
  }

  /** Calls the punctuations by wall clock that are due. Throws TASK_FAILED. */
  punctuate(): number {
    const called = this.#task?.punctuate() ?? 0
    if (called > 0) this.#hasActed = true
    return called
  }

  /** Passes on the results of the calls that ended, and returns how many there were. Throws TASK_FAILED. */
  completeCalls(): number {
    if (!this.#calls.hasEnded) return 0
    const ended = this.#calls.takeEnded()
    for (const { call, outcome } of ended) this.#running.complete(call, outcome)
    this.#hasActed = true
    return ended.length
  }

  /** Makes the calls that may begin. */
  startCalls(): void {
    for (const call of this.#task?.calls.take() ?? []) this.#calls.start(call)
  }

  /** A processor asked for a commit before the interval is over. */
  get wantsCommit(): boolean {
    return this.#task?.wantsCommit ?? false
  }

  /** Sends what its stores changed; gives the offsets that are to be committed. Then `commit`, or `rollback`. */
  prepareCommit(): CommittableOffset[] {
    this.#writeChangelog()
    const { streamTime } = this
    const task = this.#running
    const positions = task.positions()
    const changed = positions.filter(({ topic, offset }) => this.#committed.get(topic) !== offset)
    return (changed.length > 0 || !this.#hasActed ? changed : this.#unchangedPosition()).map(position => ({
      ...position,
      metadata: writeTimes(
        { streamTime, partitionTime: task.partitionTimeOf(position.topic) },
        this.#environment.committer.transactionalId,
      ),
    }))
  }

  /** The transaction is decided: the stores follow. */
  commit(offsets: readonly CommittableOffset[], options: CommitOptions): void {
    for (const { topic, offset } of offsets) this.#committed.set(topic, offset)
    this.#hasActed = false
    for (const each of this.#changelogs) this.#requireSame(each)
    const marks = this.#newMarks()
    this.#reflect(this.#running)
    if (this.#environment.recordsPosition) marks[POSITION_MARK] = writePosition(this.#reflected)
    this.#stores.commit(marks, options)
    this.#task?.committed()
  }

  /** Forgets everything since the last commit; a restore must follow. */
  rollback(): void {
    this.#task?.close(error =>
      this.#environment.logger.warn(`A processor of task ${this.id} failed to close: ${String(error)}`),
    )
    this.#task = undefined
    this.#hasActed = false
    this.#calls.abort()
    this.#stores.abort()
  }

  /** What is not committed is lost. */
  async close(): Promise<void> {
    this.rollback()
    await this.#stores.close()
  }

  /**
   * What is too large for a changelog is found here, where nobody knows its record any more. The commit is then taken
   * back, and the records are processed again with a look at every change: as long as all goes well, that costs nothing.
   */
  #writeChangelog(): void {
    try {
      this.#stores.writeChangelog(this.#environment.committer)
    } catch (error) {
      if (!isEvertError(error, 'RECORD_TOO_LARGE') || this.#verifiesChanges) throw error
      this.#verifiesChanges = true
      throw new EvertError(
        error.code,
        `Task ${this.id}: ${error.message} The record that led to it is looked for.`,
        { cause: error, retryable: true },
      )
    }
  }

  *#writtenTopics(): Iterable<string> {
    for (const node of this.subTopology.nodes) if (node.kind === 'sink') yield node.topic
    for (const { changelog } of this.subTopology.stores) {
      if (changelog !== undefined && !changelog.isSource) yield changelog.topic
    }
  }

  get #running(): Task {
    assert(this.#task !== undefined, `task ${this.id} does not run`)
    return this.#task
  }

  /** A transaction of results alone has an offset too: with it the group refuses a task that is another member's now. */
  #unchangedPosition(): TaskPosition[] {
    const { partition } = this
    return [...this.#committed].slice(0, 1).map(([topic, offset]) => ({ topic, partition, offset }))
  }

  #reflect(task: Task): void {
    const pendingSince = task.calls.pendingSince()
    this.#reflected =
      pendingSince.size === 0
        ? this.#committed
        : new Map(
            Array.from(this.#committed, ([topic, offset]) => [
              topic,
              Math.min(offset, pendingSince.get(topic) ?? Infinity),
            ]),
          )
  }

  #newCalls(): CallRunner {
    const { cluster, onCallDone, tracer, applicationId } = this.#environment
    const invoke = (call: AsyncCall, signal: AbortSignal): unknown =>
      tracer?.call(tracedCall(call, this.id, applicationId), () => call.invoke(signal))
    return new CallRunner({
      clock: cluster.clock,
      random: cluster.backoff.random,
      ...(tracer !== undefined && { invoke }),
      onDone: onCallDone,
    })
  }

  /** Its own stores, and those of the global tables. */
  #access(): StoreAccess {
    const { globalStores } = this.subTopology
    if (globalStores.length === 0) return this.#stores
    const { globalTables } = this.#environment
    return {
      keyValue: <V>(name: string) =>
        (globalStores.includes(name) ? globalTables : this.#stores).keyValue<V>(name),
    }
  }

  /** Whoever ran the task before may have died in the middle of a transaction. */
  async #endDeadWriters(): Promise<void> {
    const { cluster, groupId, committer, deadWriters } = this.#environment
    if (committer.transactionalId === undefined) return
    for (const writer of await writersOf(cluster, groupId, this.#topics, this.partition)) {
      if (writer !== committer.transactionalId) await deadWriters.end(writer)
    }
  }

  /** A topic with fewer partitions than the sub-topology has tasks is not read by the last tasks. */
  async #inputTopics(): Promise<string[]> {
    const { cluster } = this.#environment
    const { sourceTopics, repartitionSources } = this.subTopology
    const topics: string[] = []
    for (const topic of [...sourceTopics, ...repartitionSources.map(({ name }) => name)]) {
      if (this.partition < (await cluster.partitionsOf(topic))) topics.push(topic)
    }
    return topics
  }

  /** While records are processed, a partitioner cannot wait for the number of partitions. */
  async #knowTargets(): Promise<void> {
    for (const node of this.subTopology.nodes) {
      if (node.kind !== 'sink' || node.partition === undefined) continue
      await this.#environment.cluster.metadata.require(node.topic)
    }
  }

  /** Where the restore left each changelog: as its mark says, or at its beginning. */
  async #readMarks(): Promise<void> {
    this.#changelogs = []
    for (const { name, changelog } of this.subTopology.stores) {
      if (changelog === undefined) continue
      const { topicId } = await this.#environment.cluster.metadata.require(changelog.topic)
      const reached = offsetOfMark(this.#stores.metadata(`changelog/${name}`))
      this.#changelogs.push({ store: name, ...changelog, topicId, reached })
    }
  }

  /** A topic of the same name that somebody made anew has none of the rows that were there before. */
  #requireSame({ topic, topicId }: KnownChangelog): void {
    const now = this.#environment.cluster.metadata.topic(topic)
    if (now === undefined || now.topicId === topicId) return
    throw new KafkaError(
      errorCodes.UNKNOWN_TOPIC_ID,
      `The topic "${topic}" was deleted and made again while task ${this.id} ran, so that it lacks what was written ` +
        'to it before; the next start restores the state of the task from what it has then',
      { topic, retryable: false },
    )
  }

  /**
   * How far each changelog is in its store: behind the last record that this worker wrote. What lies between it and
   * the end of the log, if anything, are markers and aborted records.
   */
  #newMarks(): Record<string, string> {
    const marks: Record<string, string> = {}
    for (const each of this.#changelogs) {
      const { store, topic, topicId, isSource, reached } = each
      const next = isSource
        ? (this.#committed.get(topic) ?? 0)
        : this.#environment.committer.lastOffset(topic, this.partition) + 1
      if (next <= reached) continue
      each.reached = next
      Object.assign(marks, changelogMark(store, topicId, next))
    }
    return marks
  }
}

function partitionsOf({ metadata }: Cluster, topic: string): number {
  const known = metadata.topic(topic)
  if (known !== undefined) return known.leaders.length
  throw new EvertError(
    'NOT_READY',
    `The topic "${topic}" is gone, so that no partition of it can be chosen. Create it again.`,
  )
}

interface KnownChangelog {
  readonly store: string
  readonly topic: string
  readonly topicId: string
  readonly isSource: boolean
  /** Everything below this offset is in the store. */
  reached: number
}
