import { errorCodes, isRetryable } from '../wire/error-codes.ts'
import { fetch } from '../wire/messages/fetch.ts'
import type { AssignedPartition } from './assigned-partition.ts'
import type { Cluster } from './cluster.ts'
import { selectBatches } from './committed-batches.ts'
import type { Connection } from './connection.ts'
import { type FetchAnswer, fetchAnswers, fetchRequest } from './fetch-request.ts'
import type { FetcherSettings } from './fetcher-options.ts'
import { isTopicMissing, KafkaError } from './kafka-error.ts'
import { requestOffsets } from './list-offsets.ts'
import type { NodeConnections } from './node-connections.ts'
import { backoffMs, isChannelError } from './retry.ts'
import { readFault } from './storage-fault.ts'

export interface FetchLoopOptions {
  readonly cluster: Cluster
  readonly settings: FetcherSettings
  /** Owned by the fetcher; the loop fills their buffers. */
  readonly partitions: ReadonlyMap<string, AssignedPartition>
  /** A partition has something for the caller: an answer, or an error. */
  readonly onReady: () => void
  /** What concerns all partitions. */
  readonly onFailure: (error: Error) => void
}

/** One long poll per node, over connections of its own. */
interface Lane {
  readonly connections: NodeConnections
  /** Nodes with a fetch in flight. */
  readonly busy: Set<number>
}

/**
 * Keeps the buffers of assigned partitions filled.
 *
 * Algorithm. Each pass goes over the partitions about which nothing is being asked: those whose position is not known
 * are looked up, those with room in their buffers are fetched, one request per leader; where no leader is known the
 * metadata is asked for. Every answer makes another pass. There are two lanes, so that partitions that came (back)
 * while one long poll waits for the others do not wait for it.
 *
 * State. The partitions themselves, and which node is busy in which lane.
 *
 * Correctness. A partition is asked about by one request at a time, and its answer counts only while its generation is
 * the one of the question. What may pass is asked again after a growing pause; what may not, and a partition that
 * stays missing beyond `topicTimeoutMs`, becomes the partition's error.
 */
export class FetchLoop {
  readonly #cluster: Cluster
  readonly #settings: FetcherSettings
  readonly #partitions: ReadonlyMap<string, AssignedPartition>
  readonly #onReady: () => void
  readonly #onFailure: (error: Error) => void
  readonly #lanes: readonly Lane[]
  #isScheduled = false
  #isClosed = false

  constructor({ cluster, settings, partitions, onReady, onFailure }: FetchLoopOptions) {
    this.#cluster = cluster
    this.#settings = settings
    this.#partitions = partitions
    this.#onReady = onReady
    this.#onFailure = onFailure
    this.#lanes = [0, 1].map(() => ({ connections: cluster.openConnections(), busy: new Set<number>() }))
  }

  /** Makes a pass soon: once per turn, so that many assignments or answers make one request. */
  schedule(): void {
    if (this.#isScheduled || this.#isClosed) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      if (!this.#isClosed) this.#pass()
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#lanes.map(({ connections }) => connections.close()))
  }

  #pass(): void {
    const toFetch = new Map<number, AssignedPartition[]>()
    const toLookUp = new Map<number, AssignedPartition[]>()
    const leaderless: AssignedPartition[] = []
    const isFull = this.#isFull()
    for (const assigned of this.#partitions.values()) {
      const { topic, partition, lookUp } = assigned
      if (assigned.isAsked || assigned.isResting || assigned.error !== undefined) continue
      if (lookUp === undefined && (isFull || !this.#wantsMore(assigned))) continue
      const leader = this.#cluster.metadata.leaderOf(topic, partition)
      if (leader < 0) leaderless.push(assigned)
      else addTo(lookUp === undefined ? toFetch : toLookUp, leader, assigned)
    }
    if (leaderless.length > 0) void this.#refresh(leaderless)
    for (const [nodeId, group] of toLookUp) void this.#lookUp(nodeId, group)
    for (const [nodeId, group] of toFetch) {
      const lane = this.#lanes.find(({ busy }) => !busy.has(nodeId))
      if (lane !== undefined) void this.#fetch(lane, nodeId, group)
    }
  }

  #isFull(): boolean {
    let bytes = 0
    for (const { bufferedBytes } of this.#partitions.values()) bytes += bufferedBytes
    return bytes >= this.#settings.maxBufferedBytes
  }

  #wantsMore({ isPaused, bufferedBytes }: AssignedPartition): boolean {
    return !isPaused && bufferedBytes < this.#settings.partitionMaxBytes
  }

  async #fetch(lane: Lane, nodeId: number, group: readonly AssignedPartition[]): Promise<void> {
    const { metadata, requestTimeoutMs } = this.#cluster
    const timeoutMs = this.#settings.maxWaitMs + requestTimeoutMs
    lane.busy.add(nodeId)
    await this.#ask(group, async () => {
      const connection = await lane.connections.get(nodeId)
      const request = fetchRequest(group, metadata, this.#settings)
      const response = await connection.send(fetch, request, { timeoutMs })
      const answerFor = fetchAnswers(response, metadata)
      return assigned => {
        const answer = answerFor(assigned)
        // An answer without the partition names a topic id that is not (any more) the topic's.
        const errorCode = answer?.errorCode ?? (response.errorCode || errorCodes.UNKNOWN_TOPIC_ID)
        if (answer !== undefined && errorCode === errorCodes.NONE) return this.#onData(assigned, answer)
        return this.#onRefused(assigned, errorCode, connection)
      }
    })
    lane.busy.delete(nodeId)
    this.schedule()
  }

  async #lookUp(nodeId: number, group: readonly AssignedPartition[]): Promise<void> {
    const { connections, requestTimeoutMs: timeoutMs } = this.#cluster
    const { isolation } = this.#settings
    const wanted = group.map(({ topic, partition, lookUp = 'latest' }) => ({ topic, partition, at: lookUp }))
    await this.#ask(group, async () => {
      const connection = await connections.get(nodeId)
      const answers = await requestOffsets(connection, wanted, { isolation, timeoutMs })
      return assigned => {
        const { topic, partition } = assigned
        const answer = answers.find(each => each.topic === topic && each.partition === partition)
        if (answer?.errorCode !== errorCodes.NONE) {
          const errorCode = answer?.errorCode ?? errorCodes.UNKNOWN_TOPIC_OR_PARTITION
          return this.#onRefused(assigned, errorCode, connection)
        }
        assigned.beginAt(answer.offset)
        return 'done'
      }
    })
    this.schedule()
  }

  /**
   * Asks about partitions. `ask` gives what handles the answer of one of them, and tells whether its leader must be
   * looked for again. Never rejects.
   */
  async #ask(
    group: readonly AssignedPartition[],
    ask: () => Promise<(assigned: AssignedPartition) => Outcome>,
  ): Promise<void> {
    const generations = group.map(({ generation }) => generation)
    for (const assigned of group) assigned.isAsked = true
    const release = (): AssignedPartition[] => {
      const wanting = group.filter(({ generation }, index) => generation === generations[index])
      for (const assigned of wanting) assigned.isAsked = false
      return wanting
    }
    try {
      const onAnswer = await ask()
      const stale = release().filter(assigned => onAnswer(assigned) === 'stale')
      if (stale.length > 0) void this.#refresh(stale)
    } catch (error) {
      const wanting = release()
      if (isChannelError(error)) void this.#refresh(wanting)
      else this.#fail(error as Error)
    }
  }

  #onData(assigned: AssignedPartition, answer: FetchAnswer): Outcome {
    const { topic, partition, fetchOffset: firstOffset } = assigned
    const { highWatermark, lastStableOffset, records, abortedTransactions } = answer
    const isFirst = assigned.highWatermark < 0
    assigned.progressed(answer)
    if (isFirst) this.#onReady()
    if (records === null || records.length === 0) return 'done'
    const { isolation, verifiesChecksums } = this.#settings
    const aborted = isolation === 'read_committed' ? (abortedTransactions ?? []) : undefined
    try {
      const { batches, nextOffset } = selectBatches(records, firstOffset, aborted, verifiesChecksums)
      if (nextOffset === firstOffset) return 'done'
      const place = { topic, partition, firstOffset, batches, nextOffset }
      const consumed = this.#cluster.counts.consumed(topic)
      consumed.bytes += records.length
      for (const { count } of batches) consumed.records += count
      assigned.buffer({ ...place, highWatermark, lastStableOffset }, records.length)
      if (!assigned.isPaused) this.#onReady()
    } catch (error) {
      this.#giveUp(assigned, error as Error)
    }
    return 'done'
  }

  #onRefused(assigned: AssignedPartition, errorCode: number, connection: Connection): Outcome {
    const { topic, partition, fetchOffset, lookUp } = assigned
    const { offsetReset } = this.#settings
    if (errorCode === errorCodes.OFFSET_OUT_OF_RANGE && offsetReset !== 'fail') {
      assigned.lookUp = offsetReset
      return 'done'
    }
    const from = lookUp === undefined ? `offset ${fetchOffset}` : `the ${lookUp} offset`
    const what = `Fetching ${topic}-${partition} from ${from} was refused`
    const error = new KafkaError(errorCode, what, { topic, partition })
    const fault = readFault(connection, assigned, errorCode, what)
    if (fault !== undefined) this.#giveUp(assigned, fault)
    else if (isTopicMissing(error)) this.#onMissing(assigned, errorCode)
    else if (!isRetryable(errorCode)) this.#giveUp(assigned, error)
    return assigned.error === undefined ? 'stale' : 'done'
  }

  /** The cluster says that there is no such partition: that may pass, up to a limit. */
  #onMissing(assigned: AssignedPartition, errorCode: number): void {
    const { topic, partition } = assigned
    const { topicTimeoutMs } = this.#settings
    const nowMs = this.#cluster.clock.elapsedMs()
    assigned.missingSinceMs ??= nowMs
    if (nowMs - assigned.missingSinceMs < topicTimeoutMs) return
    const what = `Partition ${topic}-${partition} does not exist (any more), after ${topicTimeoutMs} ms of waiting for it`
    this.#giveUp(assigned, new KafkaError(errorCode, what, { topic, partition, retryable: false }))
  }

  /** The caller must decide: poll() rejects once, and nothing is asked until the partition is moved. */
  #giveUp(assigned: AssignedPartition, cause: Error): void {
    if (assigned.error !== undefined) return
    assigned.error = { cause, isReported: false }
    this.#onReady()
  }

  #fail(error: Error): void {
    if (!this.#isClosed) this.#onFailure(error)
  }

  /** Asks where the partitions are now, and lets them rest for a growing while. */
  async #refresh(partitions: readonly AssignedPartition[]): Promise<void> {
    const { metadata } = this.#cluster
    for (const assigned of partitions) this.#backOff(assigned)
    try {
      await metadata.refresh([...new Set(partitions.map(({ topic }) => topic))])
    } catch (error) {
      if (!isChannelError(error)) this.#fail(error as Error)
      return
    }
    for (const assigned of partitions) {
      const leader = metadata.topic(assigned.topic)?.leaders[assigned.partition]
      if (leader === undefined) this.#onMissing(assigned, errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
      else if (leader < 0) assigned.missingSinceMs = undefined
    }
  }

  #backOff(assigned: AssignedPartition): void {
    const { clock, backoff } = this.#cluster
    assigned.isResting = true
    clock.schedule(backoffMs(backoff, assigned.failures++), () => {
      assigned.isResting = false
      this.schedule()
    })
  }
}

/** Whether a partition's leader must be looked for again. */
type Outcome = 'done' | 'stale'

function addTo<K, V>(groups: Map<K, V[]>, key: K, value: V): void {
  const group = groups.get(key)
  if (group === undefined) groups.set(key, [value])
  else group.push(value)
}
